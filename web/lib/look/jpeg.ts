/** JPEG (ITU-T T.81): every segment that is not the picture itself, and what lies behind its end. */
import { lookFilm } from "./film.js";
import { lookIPTC, lookPhotoshop } from "./iptc.js";
import { firstNonZero, readerOf, type Reader } from "./reader.js";
import { Sheet } from "./sheet.js";
import { find, latin, startsWith, textIn, wordsIn } from "./text.js";
import { lookTIFF } from "./tiff.js";
import { lookXMP } from "./xmp.js";

const SEGMENTS = 4000;
const DEEP = 4; // pictures inside pictures
const STEP = 256 << 10;

/** Looks at a picture that begins at the reader's beginning. */
export async function lookJPEG(r: Reader, sheet: Sheet, depth = 0): Promise<void> {
  if (depth > DEEP) return void sheet.gaps.add("too_deep");
  let at = 2;
  for (let n = 0; ; n++) {
    if (n > SEGMENTS) return void sheet.gaps.add("too_many");
    const h = await r.bytes(at, 4);
    if (h.length < 2 || h[0] !== 0xff) return void sheet.gaps.add("broken");
    const marker = h[1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9) return behind(r, at + 2, sheet, depth);
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const size = h.length < 4 ? 0 : (h[2]! << 8) | h[3]!;
    if (size < 2 || at + 2 + size > r.size) return void sheet.gaps.add("broken");
    await segment(marker, await r.bytes(at + 4, size - 2), sheet, depth);
    at += 2 + size;
    if (marker === 0xda) at = await afterScan(r, at);
  }
}

/** Where the next marker stands behind the picture's own bits. */
async function afterScan(r: Reader, from: number): Promise<number> {
  for (let at = from; at < r.size; at += STEP) {
    const b = await r.bytes(at, STEP + 1); // one more, for the marker's second half
    for (let i = b.indexOf(0xff); i >= 0 && i + 1 < b.length; i = b.indexOf(0xff, i + 1)) {
      const next = b[i + 1]!;
      if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at + i;
    }
  }
  return r.size;
}

async function segment(marker: number, b: Uint8Array, sheet: Sheet, depth: number): Promise<void> {
  const inner: Uint8Array[] = [];
  if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
    if (depth === 0 && b.length >= 5) [sheet.height, sheet.width] = [(b[1]! << 8) | b[2]!, (b[3]! << 8) | b[4]!];
  } else if (marker === 0xfe) sheet.add("text", "comment", textIn(b), b.length);
  else if (marker >= 0xf0 && marker <= 0xfd) sheet.add("leftover", "unknown", wordsIn(b), b.length);
  else if (marker >= 0xe0 && marker <= 0xef) application(marker - 0xe0, b, sheet, inner);
  for (const picture of inner) await nested(picture, sheet, depth);
}

function application(n: number, b: Uint8Array, sheet: Sheet, inner: Uint8Array[]): void {
  if (n === 0 && startsWith(b, "JFIF\0")) {
    if (b.length > 14) sheet.add("preview", "thumbnail", "", b.length - 14);
  } else if (n === 0 && startsWith(b, "JFXX\0")) {
    sheet.add("preview", "thumbnail", "", b.length - 6);
    inner.push(b.subarray(6));
  } else if (n === 1 && startsWith(b, "Exif\0")) inner.push(...lookTIFF(b.subarray(6), sheet));
  else if (n === 1 && startsWith(b, "http://ns.adobe.com/xap/1.0/\0")) lookXMP(textIn(b.subarray(29)), sheet);
  else if (n === 1 && startsWith(b, "http://ns.adobe.com/xmp/extension/\0")) lookXMP(textIn(b.subarray(35 + 40)), sheet);
  else if (n === 2 && startsWith(b, "ICC_PROFILE\0")) lookICC(b.subarray(14), sheet);
  else if (n === 2 && startsWith(b, "MPF\0")) sheet.add("preview", "second", "MPF");
  else if (n === 11 && startsWith(b, "JP")) lookJUMBF(b, sheet);
  else if (n === 13 && startsWith(b, "Photoshop 3.0\0")) inner.push(...lookPhotoshop(b.subarray(14), sheet));
  else if (n === 13 && b[0] === 0x1c) lookIPTC(b, sheet);
  else if (n === 14 && startsWith(b, "Adobe")) {
    if (b.length > 12) sheet.add("leftover", "unknown", wordsIn(b.subarray(12)), b.length - 12);
  } else sheet.add("leftover", "unknown", wordsIn(b), b.length);
}

/** A colour profile may be named after the device or by its owner. */
export function lookICC(b: Uint8Array, sheet: Sheet): void {
  sheet.add("encoding", "profile", wordsIn(b.subarray(128)), b.length);
}

/** A box of C2PA or its kin (ISO 19566-5): said to be there, not checked. */
export function lookJUMBF(b: Uint8Array, sheet: Sheet): void {
  const words = wordsIn(b);
  sheet.add("provenance", "c2pa", find(b, "c2pa") >= 0 ? "C2PA" : words, b.length);
}

/** A picture inside another is looked at too: its own notes are often forgotten. */
export async function nested(b: Uint8Array, sheet: Sheet, depth: number): Promise<void> {
  if (!startsWith(b, "\u00ff\u00d8")) return;
  const own = new Sheet();
  own.format = "jpeg";
  await lookJPEG(readerOf(b), own, depth + 1);
  for (const f of own.facts) sheet.add(f.kind, f.name, f.value, f.bytes);
}

/** What follows the end of a picture: a second picture, a short film, notes of the phone. */
async function behind(r: Reader, at: number, sheet: Sheet, depth: number): Promise<void> {
  const from = await firstNonZero(r, at, r.size - at, sheet);
  if (from < 0) return;
  const b = await r.bytes(from, 64 << 10);
  const rest = r.part(from, r.size - from);
  if (startsWith(b, "\u00ff\u00d8\u00ff")) {
    sheet.add("preview", "second", "", rest.size);
    return lookJPEG(rest, sheet, depth + 1);
  }
  const film = find(b, "ftyp");
  if (film >= 4) {
    sheet.add("preview", "motion", latin(b, film + 4, film + 8), rest.size - film + 4);
    if (film > 4) sheet.add("leftover", "behind", wordsIn(b.subarray(0, film - 4)), film - 4);
    return lookFilm(rest.part(film - 4, rest.size), sheet);
  }
  sheet.add("leftover", "behind", wordsIn(b), rest.size);
}
