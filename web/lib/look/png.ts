/** PNG (ISO/IEC 15948): every chunk that is not the picture itself, and what lies behind its end. */
import { lookICC, lookJUMBF, nested } from "./jpeg.js";
import { firstNonZero, type Reader } from "./reader.js";
import type { Kind, Name, Sheet } from "./sheet.js";
import { latin, textIn, unpacked, wordsIn } from "./text.js";
import { lookTIFF } from "./tiff.js";
import { lookXMP } from "./xmp.js";

/** Chunks of numbers for the viewer. */
const PLAIN = new Set(["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "cICP", "sBIT", "bKGD", "hIST", "pHYs", "acTL", "fcTL", "fdAT", "CgBI", "iDOT", "mDCV", "cLLI", "sTER"]);

/** Registered keywords of texts. */
const KEYS: Record<string, [Kind, Name]> = {
  Title: ["text", "title"], Author: ["person", "author"], Copyright: ["person", "owner"], Software: ["software", "program"], "Creation Time": ["time", "taken"],
  "date:create": ["time", "taken"], "date:modify": ["time", "changed"], Comment: ["text", "comment"], Description: ["text", "comment"], Source: ["device", "device_name"],
};

const CHUNKS = 100_000;
const BODY = 4 << 20;

export async function lookPNG(r: Reader, sheet: Sheet): Promise<void> {
  for (let at = 8, n = 0; ; n++) {
    if (n > CHUNKS) return void sheet.gaps.add("too_many");
    const h = await r.bytes(at, 8);
    if (h.length < 8) return void sheet.gaps.add("broken");
    const size = new DataView(h.buffer, h.byteOffset).getUint32(0);
    const kind = latin(h, 4);
    if (!/^[A-Za-z]{4}$/.test(kind) || at + 12 + size > r.size) return void sheet.gaps.add("broken");
    if (kind === "IHDR" && size >= 8) {
      const b = await r.bytes(at + 8, 8);
      const v = new DataView(b.buffer, b.byteOffset);
      [sheet.width, sheet.height] = [v.getUint32(0), v.getUint32(4)];
    } else if (!PLAIN.has(kind)) {
      if (size > BODY) sheet.gaps.add("too_large");
      await chunk(kind, (await r.bytes(at + 8, Math.min(size, BODY))).slice(), sheet);
    }
    at += 12 + size;
    if (kind === "IEND") {
      const from = await firstNonZero(r, at, r.size - at, sheet);
      if (from >= 0) sheet.add("leftover", "behind", wordsIn(await r.bytes(from, 64 << 10)), r.size - from);
      return;
    }
  }
}

async function chunk(kind: string, b: Uint8Array, sheet: Sheet): Promise<void> {
  const zero = b.indexOf(0);
  const key = latin(b, 0, Math.max(zero, 0));
  const rest = b.subarray(zero + 1);
  switch (kind) {
    case "tEXt":
      return text(key, textIn(rest), sheet);
    case "zTXt":
      return packed(key, rest.subarray(1), sheet);
    case "iTXt": {
      // packed?, method, language, zero, translated keyword, zero, text
      const language = rest.indexOf(0, 2);
      const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
      if (translated < 0) return void sheet.gaps.add("broken");
      const body = rest.subarray(translated + 1);
      return rest[0] === 1 ? packed(key, body, sheet) : text(key, textIn(body), sheet);
    }
    case "eXIf":
      for (const picture of lookTIFF(b, sheet)) await nested(picture, sheet, 0);
      return;
    case "tIME":
      if (b.length < 7) return void sheet.gaps.add("broken");
      return sheet.add("time", "changed", `${(b[0]! << 8) | b[1]!}-${two(b[2]!)}-${two(b[3]!)} ${two(b[4]!)}:${two(b[5]!)}:${two(b[6]!)} UTC`);
    case "caBX":
      return lookJUMBF(b, sheet);
    case "iCCP": {
      sheet.add("encoding", "profile", key);
      const profile = await unpacked(rest.subarray(1));
      if (profile) lookICC(profile, sheet);
      else sheet.gaps.add("unknown");
      return;
    }
    case "sPLT":
      return sheet.add("encoding", "profile", key, b.length);
  }
  sheet.add("leftover", "unknown", wordsIn(b), b.length);
}

async function packed(key: string, b: Uint8Array, sheet: Sheet): Promise<void> {
  const body = await unpacked(b);
  if (!body) sheet.gaps.add("unknown");
  text(key, body ? textIn(body) : "", sheet);
}

function text(key: string, value: string, sheet: Sheet): void {
  if (key === "XML:com.adobe.xmp") return lookXMP(value, sheet);
  const known = KEYS[key];
  if (known) sheet.add(...known, value);
  else sheet.add("text", "words", `${key}: ${value}`);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
