/** What cameras, phones and programs write into a film's user data and metadata boxes. */
import { children, viewOf, type Box } from "./boxes.js";
import { nested } from "./jpeg.js";
import type { Kind, Name, Sheet } from "./sheet.js";
import { find, latin, startsWith, textIn, wide, wordsIn } from "./text.js";
import { lookXMP } from "./xmp.js";

const FIELDS: [RegExp, Kind, Name][] = [
  [/location\.ISO6709|^©xyz$|location-eng$/i, "place", "position"],
  [/location|^©loc$/i, "place", "place_name"],
  [/serial|\.CameraSerialNumber$/i, "serial", "serial"],
  [/content\.identifier|^(MUID|GUMI)$|uniqueid|uuid/i, "serial", "id"],
  [/author|artist|director|producer|publisher|^©(ART|aut|dir|prd|wrt|own)$|^(auth|perf|aART)$/i, "person", "author"],
  [/owner|copyright|^©cpy$|^cprt$/i, "person", "owner"],
  [/\.make$|manufacturer|^©mak$|^(mnfr|manu)$/i, "device", "make"], [/\.model$|\.name$|^©mod$|^(modl|CAME)$/i, "device", "model"], [/lens|^LENS$/i, "device", "lens"],
  [/creationdate|date|^©day$|^yrrc$/i, "time", "taken"],
  [/software|version|encoder|^©(swr|too|enc|swf)$|^FIRM$/i, "software", "program"],
  [/title|^©nam$|^titl$/i, "text", "title"], [/comment|description|^©(cmt|des|inf)$|^(dscp|desc|ldes)$/i, "text", "comment"],
];

/** ISO 6709 as QuickTime has it: +43.2567+076.9286+700/ */
const POSITION = /^([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)/;

function field(name: string, value: string, sheet: Sheet): void {
  const at = POSITION.exec(value.trim());
  if (at) return sheet.position(Number(at[1]), Number(at[2]));
  const known = FIELDS.find(([re]) => re.test(name));
  if (known) sheet.add(known[1], known[2], value);
  else if (value.trim() !== "") sheet.add("text", "words", `${name}: ${value}`);
}

/** Text boxes of 3GPP (TS 26.244): four bytes, a language of two, a text. */
const ASSET = new Set(["titl", "dscp", "cprt", "perf", "auth", "gnre", "albm", "kywd", "clsf", "rtng"]);

/** Reads a udta box. */
export async function lookUserData(b: Uint8Array, box: Box, sheet: Sheet): Promise<void> {
  const { boxes, whole } = children(b, box.from, box.to);
  if (!whole) leftover(b.subarray(boxes.length > 0 ? boxes[boxes.length - 1]!.to : box.from, box.to), sheet);
  for (const c of boxes) {
    const body = b.subarray(c.from, c.to);
    if (c.kind === "meta") await lookMeta(b, c, sheet);
    else if (c.kind[0] === "\u00a9") international(c.kind, body, sheet);
    else if (c.kind === "loci") lookPlace(body, sheet);
    else if (ASSET.has(c.kind)) field(c.kind, unicode(body.subarray(6)), sheet);
    else if (c.kind === "name") sheet.add("text", "title", textIn(body));
    else if (c.kind === "chpl") sheet.add("text", "title", wordsIn(body), body.length);
    else if (c.kind === "XMP_") lookXMP(textIn(body), sheet);
    else if (c.kind === "GPMF") sheet.add("track", "telemetry", "GPMF", body.length);
    else if (["FIRM", "LENS", "CAME", "MUID", "manu", "modl", "mnfr"].includes(c.kind)) field(c.kind, wordsIn(body) || textIn(body), sheet);
    else leftover(body, sheet);
  }
}

/** QuickTime's texts: a length, a language, the text, and perhaps the same in other languages. */
function international(kind: string, b: Uint8Array, sheet: Sheet): void {
  const v = viewOf(b);
  let at = 0;
  while (at + 4 <= b.length) {
    const n = v.getUint16(at);
    if (n === 0 || at + 4 + n > b.length) break;
    field(kind, textIn(b.subarray(at + 4, at + 4 + n)), sheet);
    at += 4 + n;
  }
  if (at === 0) field(kind, wordsIn(b), sheet); // written by a program that does not count
}

function unicode(b: Uint8Array): string {
  return b[0] === 0xfe && b[1] === 0xff ? wide(b.subarray(2), false) : textIn(b);
}

/** A place of 3GPP: a name, what it is, longitude and latitude in 16.16, height, words. */
function lookPlace(b: Uint8Array, sheet: Sheet): void {
  const end = b.indexOf(0, 6);
  if (end < 0 || end + 10 > b.length) return void sheet.gaps.add("broken");
  const v = viewOf(b);
  sheet.add("place", "place_name", textIn(b.subarray(6, end)));
  sheet.position(v.getInt32(end + 6) / 65536, v.getInt32(end + 2) / 65536);
  sheet.add("place", "place_name", wordsIn(b.subarray(end + 10)));
}

/** Reads a meta box: of ISO (a version first) or of QuickTime (none), with keys or iTunes' four letters. */
export async function lookMeta(b: Uint8Array, box: Box, sheet: Sheet): Promise<void> {
  const from = startsWith(b, "hdlr", box.from + 4) ? box.from : box.from + 4;
  const { boxes, whole } = children(b, Math.min(from, box.to), box.to);
  if (!whole) sheet.gaps.add("broken");
  const keys: string[] = [];
  for (const c of boxes) if (c.kind === "keys") keys.push(...keysIn(b, c));
  for (const c of boxes) {
    if (c.kind === "ilst") await lookItems(b, c, keys, sheet);
    else if (c.kind === "xml " || c.kind === "bxml") lookXMP(textIn(b.subarray(c.from + 4, c.to)), sheet);
    else if (!["hdlr", "keys", "pitm", "iinf", "iloc", "iref", "iprp", "dinf", "ctry", "lang", "grpl"].includes(c.kind)) leftover(b.subarray(c.from, c.to), sheet);
  }
}

function keysIn(b: Uint8Array, box: Box): string[] {
  return children(b, Math.min(box.from + 8, box.to), box.to).boxes.map((k) => textIn(b.subarray(k.from, k.to)));
}

async function lookItems(b: Uint8Array, box: Box, keys: readonly string[], sheet: Sheet): Promise<void> {
  // An item's kind may be a number, which is no letters: it is walked here by its length alone.
  const v = viewOf(b);
  for (let at = box.from; at + 8 <= box.to; ) {
    const n = v.getUint32(at);
    if (n < 8 || at + n > box.to) return void sheet.gaps.add("broken");
    const inner = children(b, at + 8, at + n).boxes;
    const text = (kind: string) => inner.filter((c) => c.kind === kind).map((c) => textIn(b.subarray(c.from + 4, c.to)))[0];
    const name = text("name") ?? keys[v.getUint32(at + 4) - 1] ?? latin(b, at + 4, at + 8);
    for (const d of inner) if (d.kind === "data" && d.from + 8 <= d.to) await lookValue(name, v.getUint32(d.from), b.subarray(d.from + 8, d.to), sheet);
    at += n;
  }
}

/** A value of a well-known type: 1 and 2 are text, 13 and 14 pictures. */
async function lookValue(name: string, type: number, value: Uint8Array, sheet: Sheet): Promise<void> {
  if (type === 1 || type === 4) return field(name, textIn(value), sheet);
  if (type === 2 || type === 5) return field(name, wide(value, false), sheet);
  if (type === 13 || type === 14 || name === "covr") {
    sheet.add("preview", "cover", "", value.length);
    return nested(value, sheet, 0);
  }
  if (value.length > 8 && type === 0) field(name, wordsIn(value), sheet);
}

function leftover(b: Uint8Array, sheet: Sheet): void {
  if (b.every((c) => c === 0)) return;
  if (find(b.subarray(0, 64 << 10), "freeGPS ") >= 0) return sheet.add("track", "free_gps", wordsIn(b), b.length);
  if (find(b.subarray(0, 64 << 10), "c2pa") >= 0) return sheet.add("provenance", "c2pa", "C2PA", b.length);
  sheet.add("leftover", "unknown", wordsIn(b), b.length);
}
