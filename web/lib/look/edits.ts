/**
 * What a film's edit lists hide: whoever cut a film on a phone without writing
 * it anew left the cut frames in the file, where no player shows them.
 */
import { down, viewOf, type Box } from "./boxes.js";
import type { Track } from "./tracks.js";

const START = 0.15; // seconds that the coders of sound need to get going

/** How many seconds of a track lie before its beginning and behind its end. */
export function hiddenOf(moov: Uint8Array, movie: Box | undefined, t: Track): number[] {
  const [list, media, offsets] = [down(moov, t.box, "edts", "elst"), down(moov, t.box, "mdia", "mdhd"), down(moov, t.box, "mdia", "minf", "stbl", "ctts")];
  const clock = movie && clockOf(moov, movie);
  const own = media && clockOf(moov, media);
  if (!list || !clock || !own || list.from + 8 > list.to) return [];
  const v = viewOf(moov);
  const lead = offsets && offsets.from + 16 <= offsets.to ? Math.max(v.getInt32(offsets.from + 12), 0) : 0;
  const wide = moov[list.from] === 1;
  const step = wide ? 20 : 12;
  let [first, last] = [Infinity, 0];
  for (let at = list.from + 8; at + step <= list.to; at += step) {
    const start = wide ? v.getInt32(at + 8) * 2 ** 32 + v.getUint32(at + 12) : v.getInt32(at + 4);
    const length = wide ? v.getUint32(at) * 2 ** 32 + v.getUint32(at + 4) : v.getUint32(at);
    if (start < 0) continue; // nothing is shown for a while
    first = Math.min(first, start);
    last = Math.max(last, start + (length === 0 ? own.length : (length / clock.scale) * own.scale));
  }
  if (first === Infinity) return [];
  return [first - lead, own.length - last + lead].map((ticks) => ticks / own.scale).filter((seconds) => seconds > START);
}

/** The units a second and the length in them, from the head of a film or of its media. */
function clockOf(b: Uint8Array, head: Box): { scale: number; length: number } | undefined {
  const wide = b[head.from] === 1;
  if (head.from + (wide ? 32 : 20) > head.to) return undefined;
  const v = viewOf(b);
  const scale = v.getUint32(head.from + (wide ? 20 : 12));
  const length = wide ? v.getUint32(head.from + 24) * 2 ** 32 + v.getUint32(head.from + 28) : v.getUint32(head.from + 16);
  return scale > 0 ? { scale, length } : undefined;
}
