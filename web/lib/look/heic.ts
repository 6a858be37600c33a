/** HEIC and AVIF (ISO/IEC 23008-12): the notes among a photo's items, its other pictures, and what stands beside them. */
import { children, one, topBoxes, viewOf, type Box } from "./boxes.js";
import { lookICC } from "./jpeg.js";
import { lookRest } from "./film.js";
import type { Reader } from "./reader.js";
import type { Sheet } from "./sheet.js";
import { find, latin, startsWith, textIn, wordsIn } from "./text.js";
import { lookTIFF } from "./tiff.js";
import { lookXMP } from "./xmp.js";

const META = 4 << 20;
const ITEM = 4 << 20;
const ITEMS = 5000;
const EXTENTS = 100_000;

/** Items that are the picture or parts of it. */
const PICTURES = new Set(["hvc1", "av01", "grid", "iden", "iovl", "jpeg", "avc1", "tmap", "unci"]);

export async function lookHEIC(r: Reader, sheet: Sheet): Promise<void> {
  const top = await topBoxes(r);
  if (top.cut) sheet.gaps.add("broken");
  const meta = one(top.boxes, "meta");
  if (!meta) return void sheet.gaps.add("broken");
  if (meta.to - meta.from > META) sheet.gaps.add("too_large");
  else await lookItems(r, (await r.bytes(meta.from, meta.to - meta.from)).slice(), sheet);
  for (const b of top.boxes) {
    if (b.kind === "moov") sheet.add("preview", "motion", "", b.to - b.at);
    else if (!["ftyp", "meta", "mdat"].includes(b.kind)) await lookRest(r, b.from, b.to, sheet);
  }
  if (top.tail < r.size) await lookRest(r, top.tail, r.size, sheet);
}

async function lookItems(r: Reader, b: Uint8Array, sheet: Sheet): Promise<void> {
  const { boxes, whole } = children(b, Math.min(4, b.length), b.length);
  const [iinf, iloc] = [one(boxes, "iinf"), one(boxes, "iloc")];
  if (!whole || !iinf || !iloc) return void sheet.gaps.add("broken");
  const idat = one(boxes, "idat");
  const places = locations(b, iloc);
  if (!places) return void sheet.gaps.add("broken");
  for (const item of items(b, iinf)) {
    if (PICTURES.has(item.type)) continue;
    const body = await read(r, b, places.get(item.id) ?? [], idat, sheet);
    if (item.type === "Exif") {
      const start = body.length >= 4 ? 4 + viewOf(body).getUint32(0) : 0; // where the TIFF head stands
      if (startsWith(body, "II*\0", start) || startsWith(body, "MM\0*", start)) lookTIFF(body.subarray(start), sheet);
      else sheet.gaps.add("broken");
    } else if (find(body.subarray(0, 4096), "<") >= 0 && item.type === "mime") lookXMP(textIn(body), sheet);
    else if (body.length > 0) sheet.add(find(body.subarray(0, 4096), "c2pa") >= 0 ? "provenance" : "leftover", "unknown", wordsIn(body), body.length);
  }
  references(b, one(boxes, "iref"), sheet);
  for (const p of boxes.filter((c) => c.kind === "iprp")) for (const c of properties(b, p)) if (c.kind === "colr" && latin(b, c.from, c.from + 4) === "prof") lookICC(b.subarray(c.from + 4, c.to), sheet);
}

function properties(b: Uint8Array, iprp: Box): Box[] {
  const ipco = one(children(b, iprp.from, iprp.to).boxes, "ipco");
  return ipco ? children(b, ipco.from, ipco.to).boxes : [];
}

function items(b: Uint8Array, iinf: Box): { id: number; type: string }[] {
  const head = iinf.from + (b[iinf.from] === 0 ? 6 : 8);
  if (head > iinf.to) return [];
  const v = viewOf(b);
  const found: { id: number; type: string }[] = [];
  for (const c of children(b, head, iinf.to).boxes.slice(0, ITEMS)) {
    const wide = b[c.from] === 3;
    if (c.kind !== "infe" || b[c.from]! < 2 || c.from + (wide ? 14 : 12) > c.to) continue;
    found.push({ id: wide ? v.getUint32(c.from + 4) : v.getUint16(c.from + 4), type: latin(b, c.from + (wide ? 10 : 8), c.from + (wide ? 14 : 12)) });
  }
  return found;
}

interface Place {
  inside: boolean; // of idat, and not of the file
  at: number;
  n: number;
}

/** Reads iloc (versions 0 to 2); null where it does not fit. */
function locations(b: Uint8Array, iloc: Box): Map<number, Place[]> | null {
  const v = viewOf(b);
  const version = b[iloc.from]!;
  if (iloc.from + 8 > iloc.to || version > 2) return null;
  const [offsetSize, lengthSize] = [b[iloc.from + 4]! >> 4, b[iloc.from + 4]! & 15];
  const [baseSize, indexSize] = [b[iloc.from + 5]! >> 4, version > 0 ? b[iloc.from + 5]! & 15 : 0];
  let at = iloc.from + 6;
  const number = (size: number): number => {
    if (at + size > iloc.to) throw new RangeError("iloc ends early");
    const n = size === 0 ? 0 : size === 2 ? v.getUint16(at) : size === 4 ? v.getUint32(at) : v.getUint32(at) * 2 ** 32 + v.getUint32(at + 4);
    at += size;
    return n;
  };
  const found = new Map<number, Place[]>();
  let all = 0;
  try {
    const count = number(version === 2 ? 4 : 2);
    for (let i = 0; i < Math.min(count, ITEMS); i++) {
      const id = number(version === 2 ? 4 : 2);
      const method = version > 0 ? number(2) & 15 : 0;
      number(2);
      const base = number(baseSize);
      const places: Place[] = [];
      for (let extents = number(2); extents > 0; extents--) {
        if (++all > EXTENTS) throw new RangeError("iloc is endless");
        number(indexSize);
        const offset = number(offsetSize);
        places.push({ inside: method === 1, at: base + offset, n: number(lengthSize) });
      }
      found.set(id, places);
    }
  } catch {
    return null; // a table that ends early
  }
  return found;
}

async function read(r: Reader, b: Uint8Array, places: readonly Place[], idat: Box | undefined, sheet: Sheet): Promise<Uint8Array> {
  const out = new Uint8Array(Math.min(ITEM, places.reduce((n, p) => n + p.n, 0)));
  let done = 0;
  for (const p of places) {
    const n = Math.min(p.n, out.length - done);
    const part = !p.inside ? await r.bytes(p.at, n) : idat ? b.subarray(idat.from + p.at, Math.min(idat.from + p.at + n, idat.to)) : new Uint8Array(0);
    if (part.length < p.n) sheet.gaps.add(p.n > ITEM ? "too_large" : "broken");
    out.set(part, done);
    done += part.length;
  }
  return out.subarray(0, done);
}

/** Small pictures, and such that say how far or how bright things are. */
function references(b: Uint8Array, iref: Box | undefined, sheet: Sheet): void {
  if (!iref || iref.from + 4 > iref.to) return;
  for (const c of children(b, iref.from + 4, iref.to).boxes) {
    if (c.kind === "thmb") sheet.add("preview", "thumbnail", "HEIC");
    else if (c.kind === "auxl") sheet.add("preview", "second", "HEIC");
  }
}
