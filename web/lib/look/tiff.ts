/** EXIF (CIPA DC-008, a TIFF directory in a photo): what it tells of the person, not how the picture lies. */
import type { Kind, Name, Sheet } from "./sheet.js";
import { lookIPTC, lookPhotoshop } from "./iptc.js";
import { latin, startsWith, textIn, wide, wordsIn } from "./text.js";
import { lookXMP } from "./xmp.js";

/** Other pictures inside, to be looked at by whoever called. */
export type Inner = Uint8Array[];

const TAGS: Record<number, [Kind, Name]> = {
  0x010d: ["text", "title"], 0x010e: ["text", "comment"], 0x010f: ["device", "make"], 0x0110: ["device", "model"], 0x0131: ["software", "program"],
  0x0132: ["time", "changed"], 0x013b: ["person", "author"], 0x013c: ["device", "device_name"], 0x000b: ["software", "program"], 0x8298: ["person", "owner"],
  0x9003: ["time", "taken"], 0x9004: ["time", "taken"], 0x9010: ["time", "clock"], 0x9011: ["time", "clock"], 0x9012: ["time", "clock"], 0x9c9b: ["text", "title"],
  0x9c9c: ["text", "comment"], 0x9c9d: ["person", "author"], 0x9c9e: ["text", "words"], 0x9c9f: ["text", "words"], 0xa004: ["text", "words"], 0xa420: ["serial", "id"],
  0xa430: ["person", "owner"], 0xa431: ["serial", "serial"], 0xa433: ["device", "lens"], 0xa434: ["device", "lens"], 0xa435: ["serial", "lens_serial"],
  0xa436: ["text", "title"], 0xa437: ["person", "author"], 0xa438: ["person", "author"], 0xa439: ["software", "program"], 0xa43a: ["software", "program"],
  0xa43b: ["software", "program"], 0xa43c: ["software", "program"], 0xc614: ["device", "model"], 0xc62f: ["serial", "serial"], 0xc68b: ["history", "earlier_name"],
};
const GPS: Record<number, [Kind, Name]> = { 0x001b: ["place", "place_name"], 0x001c: ["place", "place_name"], 0x001d: ["time", "clock"] };
const WIDE = new Set([0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f]);
const POINTERS: Record<number, Which> = { 0x8769: "main", 0x8825: "gps", 0x014a: "main" };

const SIZES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4]; // of types up to that of a directory's place
const DIRECTORIES = 24;
const ENTRIES = 1000;

type Which = "main" | "gps";

/** Reads a block that begins with II or MM. Gives the pictures inside it. */
export function lookTIFF(b: Uint8Array, sheet: Sheet): Inner {
  const exif = new Exif(b, sheet);
  exif.read();
  return exif.inner;
}

class Exif {
  readonly inner: Inner = [];
  private readonly view: DataView;
  private readonly little: boolean;
  private readonly visited = new Set<number>();
  private place: { lat?: number; latSign?: string; lon?: number; lonSign?: string } = {};

  constructor(
    private readonly b: Uint8Array,
    private readonly sheet: Sheet,
  ) {
    this.view = new DataView(b.buffer, b.byteOffset, b.length);
    this.little = b[0] === 0x49;
  }

  read(): void {
    if (this.b.length < 8 || !(startsWith(this.b, "II*\0") || startsWith(this.b, "MM\0*"))) {
      this.sheet.gaps.add("broken");
      return;
    }
    this.directory(this.u32(4), "main");
    const { lat, lon, latSign, lonSign } = this.place;
    if (lat !== undefined && lon !== undefined) this.sheet.position(latSign === "S" ? -lat : lat, lonSign === "W" ? -lon : lon);
  }

  private u16(at: number): number {
    return this.view.getUint16(at, this.little);
  }

  private u32(at: number): number {
    return this.view.getUint32(at, this.little);
  }

  private directory(at: number, which: Which): void {
    if (at === 0) return;
    if (at + 2 > this.b.length) return void this.sheet.gaps.add("broken");
    if (this.visited.has(at)) return;
    if (this.visited.size >= DIRECTORIES) return void this.sheet.gaps.add("too_many");
    this.visited.add(at);
    const n = this.u16(at);
    if (n > ENTRIES || at + 2 + 12 * n > this.b.length) return void this.sheet.gaps.add("broken");
    const thumb: { at?: number; n?: number } = {};
    for (let i = 0; i < n; i++) this.entry(at + 2 + 12 * i, which, thumb);
    if (thumb.at !== undefined && thumb.n) this.picture(thumb.at, thumb.n);
    const next = at + 2 + 12 * n;
    if (which === "main" && next + 4 <= this.b.length) this.directory(this.u32(next), which);
  }

  private entry(at: number, which: Which, thumb: { at?: number; n?: number }): void {
    const [id, type, count] = [this.u16(at), this.u16(at + 2), this.u32(at + 4)];
    if (count === 0) return;
    const size = (SIZES[type] ?? 0) * count;
    if (size === 0) return void this.sheet.gaps.add("unknown");
    const from = size <= 4 ? at + 8 : this.u32(at + 8);
    if (from + size > this.b.length) return void this.sheet.gaps.add("broken");
    const value = this.b.subarray(from, from + size);
    if (which === "main" && POINTERS[id] && type !== 2) {
      for (let i = 0; i < Math.min(count, 8); i++) this.directory(this.u32(from + 4 * i), POINTERS[id]!);
    } else if (which === "gps") this.gps(id, type, from, value);
    else if (id === 0x0201 && type === 4) thumb.at = this.u32(from);
    else if (id === 0x0202 && type === 4) thumb.n = this.u32(from);
    else this.field(id, type, value);
  }

  private field(id: number, type: number, value: Uint8Array): void {
    const known = TAGS[id];
    if (known) this.sheet.add(...known, WIDE.has(id) ? wide(value, true) : textIn(value));
    else if (id === 0x9286) this.sheet.add("text", "comment", this.comment(value));
    else if (id === 0x927c) this.sheet.add("serial", "maker_note", wordsIn(value), value.length);
    else if (id === 0x02bc) lookXMP(textIn(value), this.sheet);
    else if (id === 0x83bb) lookIPTC(value, this.sheet);
    else if (id === 0x8649) this.inner.push(...lookPhotoshop(value, this.sheet));
    else if (id >= 0xc000 && type !== 3 && type !== 4) this.sheet.add("leftover", "unknown", wordsIn(value), value.length);
    else if (type === 2 && value.length > 5) this.sheet.add("text", "words", textIn(value));
  }

  private comment(value: Uint8Array): string {
    return startsWith(value, "UNICODE\0") ? wide(value.subarray(8), this.little) : textIn(value.subarray(8));
  }

  private gps(id: number, type: number, from: number, value: Uint8Array): void {
    if (id === 1) this.place.latSign = latin(value, 0, 1);
    else if (id === 3) this.place.lonSign = latin(value, 0, 1);
    else if ((id === 2 || id === 4) && type === 5 && value.length >= 24) {
      const degrees = this.rational(from) + this.rational(from + 8) / 60 + this.rational(from + 16) / 3600;
      if (id === 2) this.place.lat = degrees;
      else this.place.lon = degrees;
    } else if (id === 7 && type === 5 && value.length >= 24) {
      const two = (at: number) => String(Math.floor(this.rational(at))).padStart(2, "0");
      this.sheet.add("time", "clock", `${two(from)}:${two(from + 8)}:${two(from + 16)} UTC`);
    } else if (GPS[id]) this.sheet.add(...GPS[id]!, type === 7 ? this.comment(value) : textIn(value));
  }

  private rational(at: number): number {
    const below = this.u32(at + 4);
    return below === 0 ? 0 : this.u32(at) / below;
  }

  private picture(at: number, n: number): void {
    if (at + n > this.b.length) return void this.sheet.gaps.add("broken");
    this.sheet.add("preview", "thumbnail", "", n);
    this.inner.push(this.b.subarray(at, at + n));
  }
}
