/** The boxes of ISO base media files (ISO/IEC 14496-12) and of QuickTime, which films, phone sounds and HEIC photos are made of. */
import type { Reader } from "./reader.js";
import { latin } from "./text.js";

export interface Box {
  kind: string; // four letters, the copyright sign for 0xA9
  at: number;
  from: number; // of its content
  to: number;
}

const MOST = 20_000; // boxes at the top

/** What may stand at the top of a film or photo; only of these is a length believed that reaches behind the end. */
const TOP = new Set(["ftyp", "styp", "moov", "mdat", "free", "skip", "wide", "uuid", "moof", "mfra", "sidx", "meta", "udta", "pnot", "PICT", "jumb"]);

export interface Top {
  boxes: Box[];
  /** Where what is no box begins; the file's size if there is nothing such. */
  tail: number;
  /** A box is longer than the file: it was cut off, or its length lies. */
  cut: boolean;
}

/** Reads the heads of the boxes at the top of a file. */
export async function topBoxes(r: Reader): Promise<Top> {
  const boxes: Box[] = [];
  let at = 0;
  while (at < r.size) {
    const h = await r.bytes(at, 16);
    const b = boxes.length < MOST ? head(h, 0, at, r.size) : null;
    if (!b) break;
    if (b.to > r.size) {
      if (!TOP.has(b.kind)) break;
      boxes.push({ ...b, to: r.size });
      return { boxes, tail: r.size, cut: true };
    }
    boxes.push(b);
    at = b.to;
  }
  return { boxes, tail: at, cut: false };
}

/** The boxes in a stretch of bytes; whole is false where something else stands among them. */
export function children(b: Uint8Array, from: number, to: number): { boxes: Box[]; whole: boolean } {
  const boxes: Box[] = [];
  let at = from;
  while (at + 8 <= to) {
    const c = head(b, at, at, 0);
    if (!c || c.to > to) break;
    boxes.push(c);
    at = c.to;
  }
  // QuickTime ends some lists with four zeros.
  return { boxes, whole: at === to || (to - at < 8 && b.subarray(at, to).every((c) => c === 0)) };
}

/** A box's head in h at a place; end is where a box without a length ends, 0 where none may be. Null is none. */
function head(h: Uint8Array, i: number, at: number, end: number): Box | null {
  if (h.length - i < 8) return null;
  const v = new DataView(h.buffer, h.byteOffset + i, h.length - i);
  const kind = latin(h, i + 4, i + 8);
  if (!/^[\u0020-\u007e\u00a9]{1}[\u0020-\u007e]{3}$/.test(kind)) return null;
  let n = v.getUint32(0);
  let from = at + 8;
  if (n === 1) {
    if (v.byteLength < 16) return null;
    n = v.getUint32(8) * 2 ** 32 + v.getUint32(12);
    from = at + 16;
  } else if (n === 0) n = end - at;
  if (n < from - at || n > Number.MAX_SAFE_INTEGER) return null;
  return { kind, at, from, to: at + n };
}

/** Whether a box is the list of forms that a film begins with, and no longer than such lists are. */
export function isBrands(b: Box): boolean {
  return b.kind === "ftyp" && b.at === 0 && b.to - b.from <= 128;
}

/** The first of some boxes that has a kind. */
export function one(boxes: readonly Box[], kind: string): Box | undefined {
  return boxes.find((b) => b.kind === kind);
}

/** The first box at a path below a stretch. */
export function down(b: Uint8Array, at: Box, ...path: string[]): Box | undefined {
  let box: Box | undefined = at;
  for (const kind of path) box = box && one(children(b, box.from, box.to).boxes, kind);
  return box;
}

export function viewOf(b: Uint8Array): DataView {
  return new DataView(b.buffer, b.byteOffset, b.length);
}
