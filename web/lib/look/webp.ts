/** WebP (RFC 9649): the chunks that are not the picture itself, and what lies behind its end. */
import { lookICC, nested } from "./jpeg.js";
import { firstNonZero, type Reader } from "./reader.js";
import type { Sheet } from "./sheet.js";
import { latin, startsWith, textIn, wordsIn } from "./text.js";
import { lookTIFF } from "./tiff.js";
import { lookXMP } from "./xmp.js";

const PLAIN = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"]);
const CHUNKS = 100_000;
const BODY = 4 << 20;

export async function lookWebP(r: Reader, sheet: Sheet): Promise<void> {
  const head = await r.bytes(0, 12);
  const end = 8 + new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  if (end > r.size) sheet.gaps.add("broken");
  let at = 12;
  for (let n = 0; at + 8 <= Math.min(end, r.size); n++) {
    if (n > CHUNKS) return void sheet.gaps.add("too_many");
    const h = await r.bytes(at, 8);
    const size = new DataView(h.buffer, h.byteOffset).getUint32(4, true);
    if (at + 8 + size > r.size) return void sheet.gaps.add("broken");
    const kind = latin(h, 0, 4);
    if (!PLAIN.has(kind)) {
      if (size > BODY) sheet.gaps.add("too_large");
      await chunk(kind, (await r.bytes(at + 8, Math.min(size, BODY))).slice(), sheet);
    }
    at += 8 + size + (size % 2);
  }
  const from = await firstNonZero(r, at, r.size - at, sheet);
  if (from >= 0) sheet.add("leftover", "behind", wordsIn(await r.bytes(from, 64 << 10)), r.size - from);
}

async function chunk(kind: string, b: Uint8Array, sheet: Sheet): Promise<void> {
  if (kind === "EXIF") {
    const tiff = startsWith(b, "Exif\0") ? b.subarray(6) : b; // some writers keep JPEG's heading
    for (const picture of lookTIFF(tiff, sheet)) await nested(picture, sheet, 0);
  } else if (kind === "XMP ") lookXMP(textIn(b), sheet);
  else if (kind === "ICCP") lookICC(b, sheet);
  else sheet.add("leftover", "unknown", wordsIn(b), b.length);
}
