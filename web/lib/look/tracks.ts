/** The tracks of a film's index and which of the file's bytes are their samples. */
import { children, down, viewOf, type Box } from "./boxes.js";
import { latin } from "./text.js";

export interface Track {
  box: Box;
  handler: string; // "vide", "soun", …
  /** The kinds of its sample descriptions: "avc1", "mp4a", "gpmd", … */
  entries: Box[];
}

/** Where bytes lie: beginnings and ends in turn, each beginning behind the last end. */
export type Ranges = number[];

const CHUNKS = 4_000_000;

/** Sound that is not packed: a sample's length stands in its description, and the table may say 1. */
const PCM = new Set(["sowt", "twos", "raw ", "NONE", "lpcm", "in24", "in32", "fl32", "fl64", "ipcm", "fpcm", "ulaw", "alaw"]);

/** Reads the tracks of an index that is in memory. */
export function tracksOf(moov: Uint8Array, boxes: readonly Box[]): Track[] {
  return boxes.filter((b) => b.kind === "trak").map((box) => {
    const hdlr = down(moov, box, "mdia", "hdlr");
    const stsd = down(moov, box, "mdia", "minf", "stbl", "stsd");
    return {
      box,
      handler: hdlr ? latin(moov, hdlr.from + 8, Math.min(hdlr.from + 12, hdlr.to)) : "",
      entries: stsd && stsd.from + 8 <= stsd.to ? children(moov, stsd.from + 8, stsd.to).boxes : [],
    };
  });
}

/** Where a track's samples lie, or null where the tables do not say it for certain. */
export function samplesOf(moov: Uint8Array, t: Track): Ranges | null {
  const stbl = down(moov, t.box, "mdia", "minf", "stbl");
  if (!stbl) return null;
  const tables = children(moov, stbl.from, stbl.to);
  const table = (...kinds: string[]) => tables.boxes.find((b) => kinds.includes(b.kind));
  const [chunkTable, sizeTable, runTable] = [table("stco", "co64"), table("stsz", "stz2"), table("stsc")];
  if (!chunkTable || !sizeTable || !runTable) return null;
  const v = viewOf(moov);
  const sizes = sampleSizes(v, moov, sizeTable, t);
  const wide = chunkTable.kind === "co64";
  const chunks = countIn(v, chunkTable, wide ? 8 : 4);
  const runs = countIn(v, runTable, 12);
  if (!sizes || chunks === null || runs === null || chunks > CHUNKS) return null;
  const found: Ranges = [];
  let sample = 0;
  for (let chunk = 1, run = 0; chunk <= chunks; chunk++) {
    const entry = (i: number) => runTable.from + 8 + 12 * i;
    while (run + 1 < runs && v.getUint32(entry(run + 1)) <= chunk) run++;
    if (runs === 0 || v.getUint32(entry(run)) > chunk) return null;
    const samples = Math.min(v.getUint32(entry(run) + 4), sizes.count - sample);
    const at = chunkTable.from + 8 + (chunk - 1) * (wide ? 8 : 4);
    const start = wide ? v.getUint32(at) * 2 ** 32 + v.getUint32(at + 4) : v.getUint32(at);
    found.push(start, start + sizes.sum(sample, samples));
    sample += samples;
  }
  return sample === sizes.count ? union([found]) : null;
}

/** How long an entry of a player's table is. */
const ENTRY: Record<string, number> = { stts: 8, ctts: 8, stsc: 12, stco: 4, co64: 8, stss: 4, stps: 4 };

/** How long the heads of films, tracks and media are, by their version. */
const HEAD: Record<string, [number, number]> = { mvhd: [100, 112], tkhd: [84, 96], mdhd: [24, 36], vmhd: [12, 12], smhd: [8, 8] };

/** Where a player stops reading a table or a head: what stands behind it in its box is read by nobody. */
export function endOf(b: Uint8Array, box: Box): number {
  const v = viewOf(b);
  const wide = b[box.from] === 1 ? 1 : 0;
  const number = (at: number) => (box.from + at + 4 <= box.to ? v.getUint32(box.from + at) : 0);
  let n = box.to - box.from;
  if (HEAD[box.kind]) n = HEAD[box.kind]![wide];
  else if (ENTRY[box.kind]) n = 8 + number(4) * ENTRY[box.kind]!;
  else if (box.kind === "elst") n = 8 + number(4) * (wide ? 20 : 12);
  else if (box.kind === "stsz") n = 12 + (number(4) > 0 ? 0 : 4 * number(8));
  return Math.min(box.from + n, box.to);
}

/** How many entries of a size a full box holds; null where they do not fit into it. */
function countIn(v: DataView, b: Box, size: number): number | null {
  if (b.from + 8 > b.to) return null;
  const n = v.getUint32(b.from + 4);
  return b.from + 8 + n * size <= b.to ? n : null;
}

interface Sizes {
  count: number;
  sum(from: number, n: number): number;
}

function sampleSizes(v: DataView, moov: Uint8Array, b: Box, t: Track): Sizes | null {
  if (b.from + 12 > b.to) return null;
  const count = v.getUint32(b.from + 8);
  const fixed = b.kind === "stsz" ? v.getUint32(b.from + 4) : 0;
  if (fixed > 0) {
    const size = fixedSize(v, moov, fixed, t);
    return size === null ? null : { count, sum: (_, n) => n * size };
  }
  const bits = b.kind === "stsz" ? 32 : v.getUint8(b.from + 7);
  if (![4, 8, 16, 32].includes(bits) || b.from + 12 + Math.ceil((count * bits) / 8) > b.to) return null;
  const size = (i: number) => {
    if (bits === 32) return v.getUint32(b.from + 12 + 4 * i);
    if (bits === 16) return v.getUint16(b.from + 12 + 2 * i);
    if (bits === 8) return v.getUint8(b.from + 12 + i);
    return (v.getUint8(b.from + 12 + (i >> 1)) >> (i % 2 === 0 ? 4 : 0)) & 15;
  };
  return {
    count,
    sum(from, n) {
      let all = 0;
      for (let i = from; i < from + n; i++) all += size(i);
      return all;
    },
  };
}

/** The length of samples that are all the same: never less than it is, or null. */
function fixedSize(v: DataView, moov: Uint8Array, fixed: number, t: Track): number | null {
  if (t.handler !== "soun") return fixed;
  let size = fixed;
  for (const e of t.entries) {
    if (e.at + 36 > e.to) return null;
    const version = v.getUint16(e.at + 16);
    if (!PCM.has(latin(moov, e.at + 4, e.at + 8))) {
      if (fixed === 1 || version === 2) return null; // old packed sound, counted in its own way
      continue;
    }
    const frame = version === 1 && e.at + 52 <= e.to ? v.getUint32(e.at + 44) : version === 2 && e.at + 72 <= e.to ? v.getUint32(e.at + 64) : 0;
    size = Math.max(size, frame, v.getUint16(e.at + 24) * Math.ceil(v.getUint16(e.at + 26) / 8));
  }
  return size;
}

/** Several lists as one: in order, joined where they touch or overlap. */
export function union(all: readonly Ranges[]): Ranges {
  const pairs: [number, number][] = [];
  for (const r of all) for (let i = 0; i + 1 < r.length; i += 2) if (r[i + 1]! > r[i]!) pairs.push([r[i]!, r[i + 1]!]);
  pairs.sort((a, b) => a[0] - b[0]);
  const out: Ranges = [];
  for (const [from, to] of pairs) {
    if (out.length > 0 && from <= out[out.length - 1]!) out[out.length - 1] = Math.max(out[out.length - 1]!, to);
    else out.push(from, to);
  }
  return out;
}

/** What a stretch has besides the ranges. */
export function holes(used: Ranges, from: number, to: number): Ranges {
  const out: Ranges = [];
  let at = from;
  for (let i = 0; i + 1 < used.length && used[i]! < to; i += 2) {
    if (used[i + 1]! <= from) continue;
    if (used[i]! > at) out.push(at, used[i]!);
    at = Math.max(at, used[i + 1]!);
  }
  if (at < to) out.push(at, to);
  return out;
}
