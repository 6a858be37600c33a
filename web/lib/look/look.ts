/**
 * The witness's own look at a file before it is sealed: what it tells about
 * whoever made it. Reads slices, sends nothing, keeps nothing, decodes neither
 * picture nor sound.
 */
import type { Source } from "../bag.js";
import { lookFilm } from "./film.js";
import { lookHEIC } from "./heic.js";
import { lookJPEG } from "./jpeg.js";
import { lookPNG } from "./png.js";
import { Reader, TooMuch } from "./reader.js";
import { Sheet } from "./sheet.js";
import { latin, startsWith } from "./text.js";
import { lookWebP } from "./webp.js";

const BUDGET = 512 << 20; // bytes read of one file, of which a film's index and notes are a fraction

const READERS: Record<string, (r: Reader, sheet: Sheet) => Promise<void>> = { jpeg: lookJPEG, png: lookPNG, webp: lookWebP, heic: lookHEIC, mp4: lookFilm };

/** Looks at a file. What could not be read is among the gaps; a format that no reader knows is "". */
export async function look(file: Source): Promise<Sheet> {
  const sheet = new Sheet();
  const reader = new Reader(file, { bytes: BUDGET });
  sheet.format = formatOf(await reader.bytes(0, 16));
  try {
    await READERS[sheet.format]?.(reader, sheet);
  } catch (err) {
    if (err instanceof TooMuch) sheet.gaps.add("too_large");
    else if (err instanceof RangeError) sheet.gaps.add("broken"); // a number that points outside
    else throw err;
  }
  return sheet;
}

const PHOTOS = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis"];

/** The format by the first bytes, or "". */
export function formatOf(b: Uint8Array): string {
  if (startsWith(b, "\u00ff\u00d8\u00ff")) return "jpeg";
  if (startsWith(b, "\u0089PNG\r\n\u001a\n")) return "png";
  if (startsWith(b, "RIFF") && startsWith(b, "WEBP", 8)) return "webp";
  const box = latin(b, 4, 8);
  if (box === "ftyp") return PHOTOS.includes(latin(b, 8, 12)) ? "heic" : "mp4";
  return ["moov", "mdat", "wide", "skip", "free", "pnot"].includes(box) ? "mp4" : "";
}

/** Adds what a file's name tells: dates, phone models and names stand in it. Neutral names do not tell. */
export function lookName(name: string, sheet: Sheet): void {
  const bare = name.replace(/\.[^.]*$/, "");
  if (/^(file-)?\d{1,3}$/.test(bare)) return;
  const dated = /(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])|\b1[4-9]\d{8}(?:\d{3})?\b/.test(bare);
  sheet.add(dated ? "time" : "text", "file_name", name);
}
