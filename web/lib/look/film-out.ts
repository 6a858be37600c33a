/**
 * Takes out of a film what is not picture or sound, without writing either
 * anew: in a copy put together of slices, so that no film is read whole. It
 * keeps what is on a list: the player's tables, and the bytes that the tracks
 * of picture and sound point to. Everything else becomes free space of the same
 * size, in zeros, so that no offset moves.
 */
import type { Source } from "../bag.js";
import type { Bytes } from "../bytes.js";
import { Fault } from "../fault.js";
import { children, isBrands, topBoxes, viewOf, type Box } from "./boxes.js";
import { INDEX } from "./film.js";
import { Reader, TooMuch } from "./reader.js";
import { latin, wordsIn } from "./text.js";
import { endOf, holes, samplesOf, tracksOf, union, type Ranges, type Track } from "./tracks.js";

/** A part of the copy: a stretch of the original, bytes in its place, or that many zeros. */
export type Part = { from: number; to: number } | { bytes: Bytes } | { zeros: number };

const PARTS = 200_000;

/** What may be kept of an index, by the box it stands in. */
const KEPT: Record<string, ReadonlySet<string>> = {
  moov: new Set(["mvhd", "trak"]),
  trak: new Set(["tkhd", "edts", "mdia", "tapt"]),
  tapt: new Set(["clef", "prof", "enof"]),
  edts: new Set(["elst"]),
  mdia: new Set(["mdhd", "hdlr", "minf"]),
  minf: new Set(["vmhd", "smhd", "hdlr", "dinf", "stbl"]),
  dinf: new Set(["dref"]),
  stbl: new Set(["stsd", "stts", "ctts", "cslg", "stsc", "stsz", "stz2", "stco", "co64", "stss", "stps", "sdtp", "sbgp", "sgpd"]),
};

/** What a decoder needs beside the description of a picture or a sound. */
const DECODER = new Set(["avcC", "hvcC", "lhvC", "av1C", "vpcC", "esds", "dOps", "alac", "dac3", "dec3", "dac4", "dfLa", "pcmC", "chnl", "damr", "d263", "pasp", "colr", "clap", "btrt",
  "fiel", "gama", "chan", "wave", "mdcv", "clli", "dvcC", "dvvC", "mdpr", "enda", "frma", "jp2h", "SmDm", "CoLL", "vvcC", "srat", "sinf"]);

const PICTURES = new Set(["avc1", "avc2", "avc3", "avc4", "hvc1", "hev1", "dvh1", "dvhe", "dvav", "dva1", "av01", "vp08", "vp09", "mp4v", "s263", "h263", "jpeg", "mjpa", "mjpb", "apcn", "apch", "apcs", "apco",
  "ap4h", "ap4x", "vvc1"]);
const SOUNDS = new Set(["mp4a", ".mp3", "alac", "samr", "sawb", "sawp", "ac-3", "ec-3", "ac-4", "Opus", "fLaC", "sowt", "twos", "raw ", "NONE", "lpcm", "in24", "in32", "fl32", "fl64", "ipcm", "fpcm", "ulaw", "alaw",
  "QDM2", "ima4"]);

/** The settings of FLAC, without its tags and pictures. */
const FLAC = 4 + 4 + 34;

/** Plans the copy of a film, or throws the fault that says why this page cannot. */
export async function planFilm(file: Source): Promise<Part[]> {
  try {
    return await plan(new Reader(file, { bytes: 2 * INDEX }));
  } catch (err) {
    if (err instanceof TooMuch) throw new Fault("report.look.out.large", [], err);
    if (err instanceof RangeError) throw new Fault("report.look.out.broken", [], err); // a number that points outside
    throw err;
  }
}

async function plan(r: Reader): Promise<Part[]> {
  const top = await topBoxes(r);
  const index = top.boxes.filter((b) => b.kind === "moov");
  if (top.cut || index.length !== 1) throw new Fault("report.look.out.broken");
  if (top.boxes.some((b) => ["moof", "styp", "sidx"].includes(b.kind))) throw new Fault("report.look.out.form");
  const [box] = index as [Box];
  if (box.to - box.from > INDEX) throw new Fault("report.look.out.large");
  const moov = (await r.bytes(box.from, box.to - box.from)).slice() as Bytes;
  const kept = scrubIndex(moov, top.boxes[0]?.kind !== "ftyp" || latin(await r.bytes(8, 4)) === "qt  ");
  checkInside(kept, top.boxes);
  const parts: Part[] = [];
  for (const b of top.boxes) {
    if (isBrands(b)) parts.push({ from: b.at, to: b.to });
    else if (b === box) parts.push({ from: b.at, to: b.from }, { bytes: moov });
    else if (b.kind === "mdat") parts.push({ from: b.at, to: b.from }, ...data(b, kept));
    else parts.push({ bytes: freeHead(b) }, { zeros: b.to - b.from });
    if (parts.length > PARTS) throw new Fault("report.look.out.large");
  }
  return parts; // what is no box, behind the last one, is left out
}

/** The bytes of picture and sound stay, all others become zeros. */
function data(b: Box, kept: Ranges): Part[] {
  const parts: Part[] = [];
  let at = b.from;
  const between = holes(kept, b.from, b.to);
  for (let i = 0; i < between.length; i += 2) {
    if (between[i]! > at) parts.push({ from: at, to: between[i]! });
    parts.push({ zeros: between[i + 1]! - between[i]! });
    at = between[i + 1]!;
  }
  if (at < b.to) parts.push({ from: at, to: b.to });
  return parts;
}

/** Samples must lie in the film's data, or keeping them would keep something else. */
function checkInside(kept: Ranges, boxes: readonly Box[]): void {
  const inside = union([boxes.filter((b) => b.kind === "mdat").flatMap((b) => [b.from, b.to])]);
  for (let i = 0; i < kept.length; i += 2) if (holes(inside, kept[i]!, kept[i + 1]!).length > 0) throw new Fault("report.look.out.broken");
}

/** The head of a free box of the same size; it always says its size itself. */
function freeHead(b: Box): Bytes {
  const head = new Uint8Array(b.from - b.at);
  const v = viewOf(head);
  head.set([0x66, 0x72, 0x65, 0x65], 4);
  if (head.length === 16) {
    v.setUint32(0, 1);
    v.setUint32(8, Math.floor((b.to - b.at) / 2 ** 32));
    v.setUint32(12, (b.to - b.at) % 2 ** 32);
  } else v.setUint32(0, b.to - b.at < 2 ** 32 ? b.to - b.at : 0); // a head without a size reaches to the file's end
  return head;
}

/** Blanks everything in an index that is not kept, in place. Gives where the kept tracks' samples lie. */
function scrubIndex(moov: Bytes, quickTime: boolean): Ranges {
  const { boxes, whole } = children(moov, 0, moov.length);
  if (!whole) throw new Fault("report.look.out.broken");
  if (boxes.some((b) => b.kind === "mvex" || b.kind === "cmov")) throw new Fault("report.look.out.form");
  const shown = tracksOf(moov, boxes).filter(isShown);
  if (shown.length === 0) throw new Fault("report.look.out.form");
  const ranges = shown.map((t) => samplesOf(moov, t));
  if (ranges.some((r) => r === null)) throw new Fault("report.look.out.form");
  for (const b of boxes) {
    if (KEPT["moov"]!.has(b.kind) && (b.kind !== "trak" || shown.some((t) => t.box.at === b.at))) scrub(moov, b, { quickTime, handler: "" });
    else blank(moov, b);
  }
  return union(ranges as Ranges[]);
}

/** Whether a track is picture or sound. One that says so and is of a kind not known must not vanish in silence. */
function isShown(t: Track): boolean {
  const known = t.handler === "vide" ? PICTURES : t.handler === "soun" ? SOUNDS : null;
  if (!known) return false;
  if (t.entries.length === 0 || !t.entries.every((e) => known.has(e.kind))) throw new Fault("report.look.out.form");
  return true;
}

interface Context {
  quickTime: boolean;
  handler: string;
}

function scrub(b: Bytes, box: Box, c: Context): void {
  const v = viewOf(b);
  b.fill(0, endOf(b, box), box.to);
  if (box.kind === "mvhd" || box.kind === "tkhd" || box.kind === "mdhd") b.fill(0, box.from + 4, Math.min(box.from + (b[box.from] === 1 ? 20 : 12), box.to));
  else if (box.kind === "hdlr") b.fill(0, Math.min(box.from + 12, box.to), box.to);
  else if (box.kind === "dref") scrubSources(b, box);
  else if (box.kind === "stsd") for (const e of entriesOf(b, box)) scrubEntry(b, v, e, c);
  const keep = KEPT[box.kind];
  if (!keep) return;
  const inside = children(b, box.from, box.to);
  if (!inside.whole) throw new Fault("report.look.out.broken");
  if (box.kind === "mdia") {
    const hdlr = inside.boxes.find((x) => x.kind === "hdlr");
    if (!hdlr) throw new Fault("report.look.out.broken");
    c = { ...c, handler: latin(b, hdlr.from + 8, hdlr.from + 12) };
  }
  for (const x of inside.boxes) {
    if (keep.has(x.kind)) scrub(b, x, c);
    else blank(b, x);
  }
}

function entriesOf(b: Bytes, stsd: Box): Box[] {
  const { boxes, whole } = children(b, Math.min(stsd.from + 8, stsd.to), stsd.to);
  if (!whole) throw new Fault("report.look.out.broken");
  return boxes;
}

/** Only sources inside the file itself can be kept; what an entry says besides is blanked. */
function scrubSources(b: Bytes, dref: Box): void {
  const { boxes, whole } = children(b, Math.min(dref.from + 8, dref.to), dref.to);
  if (!whole || boxes.some((e) => e.from + 4 > e.to || (b[e.from + 3]! & 1) === 0)) throw new Fault("report.look.out.form");
  for (const e of boxes) b.fill(0, e.from + 4, e.to);
}

/** Blanks the names in a sample description and what no decoder needs. */
function scrubEntry(b: Bytes, v: DataView, e: Box, c: Context): void {
  let at = e.at + 86;
  if (c.handler === "vide") {
    if (at > e.to) throw new Fault("report.look.out.broken");
    b.fill(0, e.at + 20, e.at + 24); // who wrote it
    b.fill(0, e.at + 50, e.at + 82); // the encoder's name
  } else {
    if (e.at + 36 > e.to) throw new Fault("report.look.out.broken");
    b.fill(0, e.at + 20, e.at + 24);
    const version = c.quickTime ? v.getUint16(e.at + 16) : 0;
    at = e.at + (version === 1 ? 52 : version === 2 ? 72 : 36);
  }
  const inside = children(b, Math.min(at, e.to), e.to);
  if (!inside.whole) throw new Fault("report.look.out.form");
  for (const x of inside.boxes) {
    const profile = x.kind === "colr" && ["prof", "rICC"].includes(latin(b, x.from, x.from + 4));
    const told = (x.kind === "wave" && wordsIn(b.subarray(x.from, x.to)).length > 24) || (x.kind === "dfLa" && x.to - x.from > FLAC);
    if (!DECODER.has(x.kind) || profile) blank(b, x);
    else if (told) throw new Fault("report.look.out.form");
  }
}

/** Makes free space of a box. */
function blank(b: Bytes, box: Box): void {
  b.set([0x66, 0x72, 0x65, 0x65], box.at + 4);
  b.fill(0, box.from, box.to);
}

/** Puts a planned copy together. The film's own bytes stay where they are until somebody reads the copy. */
export function assemble(file: Blob, parts: readonly Part[]): Blob[] {
  const zeros = new Blob([new Uint8Array(1 << 20)]);
  const out: Blob[] = [];
  for (const p of parts) {
    if ("bytes" in p) out.push(new Blob([p.bytes]));
    else if ("from" in p) out.push(file.slice(p.from, p.to));
    else for (let left = p.zeros; left > 0; left -= zeros.size) out.push(left < zeros.size ? zeros.slice(0, left) : zeros);
  }
  return out;
}
