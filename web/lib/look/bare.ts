/**
 * A photo that a browser has just encoded, without what the browser adds of its
 * own: profiles, sizes, its name. Only the parts of the picture itself are kept;
 * the colours of a canvas are sRGB, which a picture without a profile means too.
 */
import { concat, type Bytes } from "../bytes.js";
import { Fault } from "../fault.js";
import { latin } from "./text.js";

export function bare(b: Bytes, type: string): Bytes {
  return type === "image/png" ? barePNG(b) : bareJPEG(b);
}

/** Quantisation, Huffman and arithmetic tables, frames, scans, restarts; of the applications' segments a plain JFIF head. */
function bareJPEG(b: Bytes): Bytes {
  const kept: Bytes[] = [b.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= b.length && b[at] === 0xff) {
    const marker = b[at + 1]!;
    const end = at + 2 + ((b[at + 2]! << 8) | b[at + 3]!);
    const table = (marker >= 0xc0 && marker <= 0xcf) || marker === 0xdb || marker === 0xdd;
    if (marker === 0xda) {
      // The first scan and all that follows it belongs together: a fresh picture has only tables between scans.
      const eoi = b.lastIndexOf(0xd9);
      if (eoi < end || b[eoi - 1] !== 0xff) break;
      return concat(...kept, b.subarray(at, eoi + 1));
    }
    if (table || (marker === 0xe0 && end - at === 18)) kept.push(b.subarray(at, end));
    at = end;
  }
  throw new Fault("report.look.out.left");
}

const CHUNKS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

function barePNG(b: Bytes): Bytes {
  const kept: Bytes[] = [b.subarray(0, 8)];
  for (let at = 8; at + 12 <= b.length; ) {
    const end = at + 12 + new DataView(b.buffer, b.byteOffset + at).getUint32(0);
    const kind = latin(b, at + 4, at + 8);
    if (CHUNKS.has(kind)) kept.push(b.subarray(at, end));
    if (kind === "IEND") return concat(...kept);
    at = end;
  }
  throw new Fault("report.look.out.left");
}
