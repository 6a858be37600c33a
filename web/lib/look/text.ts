/** Words in bytes. */
import type { Bytes } from "../bytes.js";

const MOST = 256 << 10; // bytes looked through for words
const UNPACKED = 256 << 10; // bytes that a packed text may become

/** Bytes as text: UTF-8, and where they are not that, one letter a byte. Ends at the first zero. */
export function textIn(b: Uint8Array): string {
  const end = b.indexOf(0);
  const part = end < 0 ? b : b.subarray(0, end);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(part);
  } catch {
    return latin(part);
  }
}

/** One letter a byte. */
export function latin(b: Uint8Array, from = 0, to = b.length): string {
  let s = "";
  for (let i = from; i < Math.min(to, b.length); i++) s += String.fromCharCode(b[i]!);
  return s;
}

/** UTF-16 in the order of a little or a big end, without zeros. */
export function wide(b: Uint8Array, little: boolean): string {
  let s = "";
  for (let i = 0; i + 1 < b.length; i += 2) s += String.fromCharCode(little ? b[i]! | (b[i + 1]! << 8) : (b[i]! << 8) | b[i + 1]!);
  return s.replace(/\0/g, "");
}

/** The readable words among bytes of which nothing else is known. */
export function wordsIn(b: Uint8Array): string {
  const text = new TextDecoder("utf-8").decode(b.subarray(0, MOST));
  const runs = text.split(/[\u0000-\u001f\u007f-\u009f\ufffd]+/).filter((run) => run.length >= 6 && /[A-Za-z0-9\u00c0-\u024f\u0400-\u052f]{4}/.test(run));
  return runs.sort((a, b) => b.length - a.length).slice(0, 4).join(" · ");
}

export function startsWith(b: Uint8Array, text: string, at = 0): boolean {
  for (let i = 0; i < text.length; i++) if (b[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Where a text of single-byte letters stands in bytes, or -1. */
export function find(b: Uint8Array, text: string, from = 0): number {
  const first = text.charCodeAt(0);
  for (let i = b.indexOf(first, from); i >= 0; i = b.indexOf(first, i + 1)) if (startsWith(b, text, i)) return i;
  return -1;
}

/** Undoes zlib's packing as far as it is whole; null where it is none or the browser cannot. */
export async function unpacked(b: Uint8Array): Promise<Uint8Array | null> {
  if (typeof DecompressionStream !== "function") return null;
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // What fails to be written fails to be read too, and is told there.
  writer.write(b as Bytes).catch(() => undefined);
  writer.close().catch(() => undefined);
  const reader = stream.readable.getReader();
  const out = new Uint8Array(UNPACKED);
  let n = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, UNPACKED - n);
      out.set(part, n);
      n += part.length;
      if (n === UNPACKED) {
        await reader.cancel();
        break;
      }
    }
  } catch {
    return n > 0 ? out.subarray(0, n) : null;
  }
  return out.subarray(0, n);
}
