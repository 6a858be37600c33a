/** MP4, MOV, M4V, 3GP and M4A: the index, what is written beside it, and the tracks that are neither picture nor sound. */
import { children, isBrands, one, topBoxes, viewOf, type Box } from "./boxes.js";
import { hiddenOf } from "./edits.js";
import { nested } from "./jpeg.js";
import { lookMeta, lookUserData } from "./notes.js";
import { firstNonZero, type Reader } from "./reader.js";
import type { Sheet } from "./sheet.js";
import { find, latin, startsWith, textIn, wordsIn } from "./text.js";
import { endOf, holes, samplesOf, tracksOf, union, type Ranges, type Track } from "./tracks.js";
import { lookXMP } from "./xmp.js";

/** The most of an index that is held, in bytes: about a day of film. */
export const INDEX = 64 << 20;

const HOLES = 2000; // looked into, of a film's data
const XMP = "\u00be\u007a\u00cf\u00cb\u0097\u00a9\u0042\u00e8\u009c\u0071\u0099\u0094\u0091\u00e3\u00af\u00ac";
const C2PA = "\u00d8\u00fe\u00c3\u00d6\u001b\u000e\u0048\u003c\u0092\u0097\u0058\u0028\u0087\u007e\u00c4\u0081";

/** Looks at a film that begins at the reader's beginning. */
export async function lookFilm(r: Reader, sheet: Sheet): Promise<void> {
  const top = await topBoxes(r);
  if (top.cut) sheet.gaps.add("broken");
  let used: Ranges | null = [];
  let indexed = false;
  for (const box of top.boxes) {
    if (box.kind === "moof" || box.kind === "sidx") used = null;
    if (box.kind !== "moov") continue;
    indexed = true;
    if (box.to - box.from > INDEX) {
      sheet.gaps.add("too_large");
      used = null;
      continue;
    }
    const moov = (await r.bytes(box.from, box.to - box.from)).slice();
    const found = await lookIndex(moov, sheet);
    used = used && found && union([used, found]);
  }
  if (!indexed) sheet.gaps.add("broken");
  for (const box of top.boxes) await lookTop(r, box, used, sheet);
  if (top.tail < r.size) await lookRest(r, top.tail, r.size, sheet);
}

/** Tells what the index says. Gives where the samples lie, or null if that is not certain. */
async function lookIndex(moov: Uint8Array, sheet: Sheet): Promise<Ranges | null> {
  const { boxes, whole } = children(moov, 0, moov.length);
  if (!whole) sheet.gaps.add("broken");
  let certain = !boxes.some((b) => b.kind === "mvex");
  for (const b of boxes) await lookInside(moov, b, sheet, 0);
  const ranges: Ranges[] = [];
  for (const t of tracksOf(moov, boxes)) {
    await lookTrack(moov, t, sheet);
    for (const seconds of hiddenOf(moov, one(boxes, "mvhd"), t)) sheet.add("history", "hidden", `${seconds.toFixed(3)} s`);
    const samples = samplesOf(moov, t);
    if (samples) ranges.push(samples);
    else certain = false;
  }
  return certain ? union(ranges) : null;
}

/** Boxes that hold boxes, and boxes of numbers for the player. */
const HOLDERS = new Set(["trak", "mdia", "minf", "stbl", "edts", "dinf", "gmhd", "tref", "mvex"]);
const PLAIN = new Set(["mvhd", "tkhd", "mdhd", "hdlr", "vmhd", "smhd", "nmhd", "sthd", "hmhd", "gmin", "elst", "dref", "stsd", "stts", "ctts", "cslg", "stsc", "stsz", "stz2", "stco", "co64",
  "stss", "stps", "sdtp", "sbgp", "sgpd", "iods", "tapt", "load", "mehd", "trex", "trep", "leva", "text", "tmcd", "subs", "saiz", "saio", "hint", "cdsc", "chap", "sync", "scpt", "ssrc", "forc", "fall", "folw", "vdep", "clip", "kmat"]);

async function lookInside(b: Uint8Array, box: Box, sheet: Sheet, depth: number): Promise<void> {
  if (depth > 8) return void sheet.gaps.add("too_deep");
  const body = b.subarray(box.from, box.to);
  if (["mvhd", "tkhd", "mdhd"].includes(box.kind)) lookTimes(body, sheet);
  if (box.kind === "hdlr") lookHandler(body, sheet);
  if (box.kind === "dref") lookSources(b, box, sheet);
  if (endOf(b, box) < box.to) await lookBytes(b.subarray(endOf(b, box), box.to), sheet);
  if (HOLDERS.has(box.kind)) {
    const inside = children(b, box.from, box.to);
    if (!inside.whole) sheet.gaps.add("broken");
    for (const c of inside.boxes) await lookInside(b, c, sheet, depth + 1);
  } else if (box.kind === "udta") await lookUserData(b, box, sheet);
  else if (box.kind === "meta") await lookMeta(b, box, sheet);
  else if (box.kind === "uuid") lookUUID(body, sheet);
  else if (!PLAIN.has(box.kind)) await lookBytes(body, sheet);
}

/** Seconds since 1904; many cameras write their local time there. */
function lookTimes(b: Uint8Array, sheet: Sheet): void {
  const wide = b[0] === 1;
  if (b.length < (wide ? 20 : 12)) return void sheet.gaps.add("broken");
  const v = viewOf(b);
  for (const [i, name] of (["taken", "changed"] as const).entries()) {
    const seconds = wide ? v.getUint32(4 + 8 * i) * 2 ** 32 + v.getUint32(8 + 8 * i) : v.getUint32(4 + 4 * i);
    if (seconds === 0) continue;
    const date = new Date((seconds - 2_082_844_800) * 1000);
    sheet.add("time", name, Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().slice(0, 19).replace("T", " ") + " UTC");
  }
}

function lookHandler(b: Uint8Array, sheet: Sheet): void {
  const maker = latin(b, 12, 16).replace(/[^ -~]/g, "").trim();
  const name = b.subarray(24);
  const counted = name.length > 1 && name[0] === name.length - 1;
  sheet.add("encoding", "handler", [maker, textIn(counted ? name.subarray(1) : name)].filter((s) => s !== "").join(" "));
}

/** Where a film's data lies outside of it, the names of folders and disks may stand. */
function lookSources(b: Uint8Array, box: Box, sheet: Sheet): void {
  for (const c of children(b, box.from + 8, box.to).boxes) if (c.to - c.from > 4) sheet.add("device", "device_name", wordsIn(b.subarray(c.from + 4, c.to)), c.to - c.from - 4);
}

/** Kinds of tracks by their sample descriptions: the positions and motions of cameras. */
const TELEMETRY = new Set(["gpmd", "camm", "mebx", "mett", "metx", "rtmd", "CTMD", "RVMI", "marl", "ssmd", "djmd", "dbgi", "fdsc", "priv", "nbmt", "gps ", "dvtm"]);
const WORDS = new Set(["text", "sbtl", "subt", "clcp", "subp"]);

async function lookTrack(moov: Uint8Array, t: Track, sheet: Sheet): Promise<void> {
  const kinds = t.entries.map((e) => e.kind.trim()).join(", ");
  const bytes = samplesOf(moov, t)?.reduce((n, at, i) => n + (i % 2 === 0 ? -at : at), 0);
  if (t.handler === "vide") {
    for (const e of t.entries) if (e.at + 86 <= e.to) sheet.add("encoding", "compressor", compressor(moov.subarray(e.at + 50, e.at + 82)));
  } else if (t.handler === "tmcd") sheet.add("time", "timecode", kinds, bytes ?? 0);
  else if (t.handler !== "soun") {
    if (t.entries.some((e) => TELEMETRY.has(e.kind))) sheet.add("track", "telemetry", kinds, bytes ?? 0);
    else if (WORDS.has(t.handler)) sheet.add("text", "subtitles", kinds, bytes ?? 0);
    else sheet.add("leftover", "unknown", `${t.handler} ${kinds}`, bytes ?? 0);
  }
  for (const e of t.entries) await lookBlanks(moov, e, t.handler, sheet);
}

/** A name of 32 bytes of which the first counts. */
function compressor(b: Uint8Array): string {
  return textIn(b.subarray(1, 1 + Math.min(31, b[0]!))) || textIn(b);
}

/** Notes that some cameras put between the description of a picture and its decoder's settings. */
async function lookBlanks(moov: Uint8Array, e: Box, handler: string, sheet: Sheet): Promise<void> {
  if (handler !== "vide" || e.at + 86 > e.to) return;
  for (const c of children(moov, e.at + 86, e.to).boxes) if (["uuid", "udta", "free", "skip", "clip"].includes(c.kind)) await lookBytes(moov.subarray(c.from, c.to), sheet);
}

async function lookBytes(b: Uint8Array, sheet: Sheet): Promise<void> {
  if (b.every((c) => c === 0)) return;
  if (find(b.subarray(0, 64 << 10), "freeGPS ") >= 0) return sheet.add("track", "free_gps", wordsIn(b), b.length);
  const jpeg = startsWith(b, "\u00ff\u00d8\u00ff");
  sheet.add("leftover", jpeg ? "thumbnail" : "unknown", wordsIn(b), b.length);
  if (jpeg) await nested(b, sheet, 0);
}

function lookUUID(b: Uint8Array, sheet: Sheet): void {
  if (startsWith(b, XMP)) lookXMP(textIn(b.subarray(16)), sheet);
  else if (startsWith(b, C2PA)) sheet.add("provenance", "c2pa", "C2PA", b.length);
  else sheet.add("leftover", "unknown", wordsIn(b.subarray(16)), b.length);
}

/** Looks at what stands beside the index. */
async function lookTop(r: Reader, box: Box, used: Ranges | null, sheet: Sheet): Promise<void> {
  switch (box.kind) {
    case "ftyp":
      return isBrands(box) ? undefined : lookRest(r, box.from, box.to, sheet);
    case "styp":
    case "mfra":
      return used ? lookRest(r, box.from, box.to, sheet) : undefined; // of films in pieces, of which is said that they are not looked through
    case "moov":
    case "moof":
    case "sidx":
      return;
    case "mdat":
      return lookData(r, box, used, sheet);
    case "uuid":
      return lookUUID(await r.bytes(box.from, Math.min(box.to - box.from, 1 << 20)), sheet);
    case "udta":
    case "meta": {
      const b = (await r.bytes(box.from, Math.min(box.to - box.from, 4 << 20))).slice();
      const whole = { ...box, at: 0, from: 0, to: b.length };
      return box.kind === "udta" ? lookUserData(b, whole, sheet) : lookMeta(b, whole, sheet);
    }
  }
  return lookRest(r, box.from, box.to, sheet);
}

/** What a film's data holds besides what the index points to. */
async function lookData(r: Reader, box: Box, used: Ranges | null, sheet: Sheet): Promise<void> {
  if (!used) return void sheet.gaps.add("unknown");
  const between = holes(used, box.from, box.to);
  for (let i = 0; i < between.length; i += 2) {
    if (i / 2 >= HOLES) return void sheet.gaps.add("too_many");
    await lookRest(r, between[i]!, between[i + 1]!, sheet);
  }
}

/** Looks through bytes that nothing points to. */
export async function lookRest(r: Reader, from: number, to: number, sheet: Sheet): Promise<void> {
  const first = await firstNonZero(r, from, to - from, sheet);
  if (first < 0) return;
  const b = await r.bytes(first, Math.min(64 << 10, to - first));
  if (find(b, "freeGPS ") >= 0) return sheet.add("track", "free_gps", wordsIn(b), to - from);
  const xmp = find(b, "<x:xmpmeta");
  if (xmp >= 0) lookXMP(textIn(b.subarray(xmp)), sheet);
  sheet.add("leftover", "unused", wordsIn(b), to - from);
}
