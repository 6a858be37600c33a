// What is to be covered and muted in one original, and the pure arithmetic on
// it. Nothing here touches the page. Times are whole milliseconds, lengths
// whole pixels of the picture as it is shown; spec/vectors/covers.json says
// where a cover lies at a moment, and the renderer is held to the same file.

/** Where the upper left corner of a cover lies at a moment. */
export interface Point {
  at: number;
  x: number;
  y: number;
}

/** One cover: a box of constant size that moves in straight lines. */
export interface Track {
  id: string;
  label: string; // what is covered, for the desk's eyes
  w: number;
  h: number;
  from: number;
  to: number;
  points: Point[];
}

/** A stretch of time, both ends included. */
export interface Span {
  from: number;
  to: number;
}

/** The whole plan of one original. A photo's boxes are tracks of no length. */
export interface Plan {
  tracks: Track[];
  mutes: Span[];
  muteAll: boolean;
  reviewed: boolean; // a person went through all of it and found nothing more to hide
}

/** The picture that the plan is for; seconds are 0 for a photo. */
export interface Picture {
  width: number;
  height: number;
  length: number; // milliseconds
  rate: number; // frames in a second
}

/** The smallest box that can be drawn, in pixels of the picture. */
export const minSide = 8;

/** Tells where a track lies at t, or null when it covers nothing then. */
export function at(track: Track, t: number): { x: number; y: number } | null {
  if (t < track.from || t > track.to || track.points.length === 0) return null;
  const points = track.points;
  const first = points[0]!;
  const last = points[points.length - 1]!;
  if (t <= first.at) return { x: first.x, y: first.y };
  if (t >= last.at) return { x: last.x, y: last.y };
  const i = points.findIndex((p) => p.at >= t);
  const a = points[i - 1]!;
  const b = points[i]!;
  return { x: between(a.at, a.x, b.at, b.x, t), y: between(a.at, a.y, b.at, b.y, t) };
}

// Exact for every film: both factors are far below 2^26, so their product is a
// whole number that a double holds, and the division is rounded once.
function between(t0: number, v0: number, t1: number, v1: number, t: number): number {
  return v0 + Math.floor(((v1 - v0) * (t - t0)) / (t1 - t0));
}

/** Puts the track at a place at a moment: a point is added, or moved when one is already near. */
export function moveTo(track: Track, t: number, x: number, y: number, near: number): Track {
  const points = track.points.filter((p) => Math.abs(p.at - t) > near);
  points.push({ at: t, x: Math.round(x), y: Math.round(y) });
  points.sort((a, b) => a.at - b.at);
  return { ...track, points, from: Math.min(track.from, t), to: Math.max(track.to, t) };
}

/** Takes the point at a moment away; the last one stays, a cover needs a place. */
export function dropPoint(track: Track, t: number): Track {
  if (track.points.length < 2) return track;
  return { ...track, points: track.points.filter((p) => p.at !== t) };
}

/** Changes from when to when a track covers. The earlier end never passes the later. */
export function retime(track: Track, from: number, to: number, picture: Picture): Track {
  const a = clamp(Math.round(from), 0, picture.length);
  const b = clamp(Math.round(to), 0, picture.length);
  return { ...track, from: Math.min(a, b), to: Math.max(a, b) };
}

/** Changes the size of a track for its whole life: a changing size would tell a pose. */
export function resize(track: Track, w: number, h: number, picture: Picture): Track {
  return {
    ...track,
    w: clamp(Math.round(w), minSide, picture.width),
    h: clamp(Math.round(h), minSide, picture.height),
  };
}

/** Keeps a corner where at least a strip of the box stays in the picture. */
export function keepNear(track: Track, x: number, y: number, picture: Picture): { x: number; y: number } {
  const strip = minSide / 2;
  return {
    x: clamp(Math.round(x), strip - track.w, picture.width - strip),
    y: clamp(Math.round(y), strip - track.h, picture.height - strip),
  };
}

/** Makes a new track from a box drawn at a moment. It covers the whole film until told otherwise: too much is mended, too little is not. */
export function newTrack(plan: Plan, box: { x: number; y: number; w: number; h: number }, t: number, picture: Picture): Track {
  const track: Track = {
    id: freshID(plan),
    label: "",
    w: 0,
    h: 0,
    from: 0,
    to: picture.length,
    points: [{ at: t, x: Math.round(box.x), y: Math.round(box.y) }],
  };
  return resize(track, box.w, box.h, picture);
}

/** The next free name: t1, t2, … A name that was given is not given again while the plan holds a later one. */
export function freshID(plan: Plan): string {
  let n = 0;
  for (const track of plan.tracks) {
    const m = /^t(\d+)$/.exec(track.id);
    if (m) n = Math.max(n, Number(m[1]));
  }
  return `t${n + 1}`;
}

/** Gives the plan with one track changed, added or (null) taken away. */
export function withTrack(plan: Plan, id: string, track: Track | null): Plan {
  const i = plan.tracks.findIndex((t) => t.id === id);
  const tracks = plan.tracks.slice();
  if (track === null) {
    if (i >= 0) tracks.splice(i, 1);
  } else if (i >= 0) {
    tracks[i] = track;
  } else {
    tracks.push(track);
  }
  return { ...plan, tracks };
}

/** Gives the plan with a stretch muted; stretches that touch become one. */
export function mute(plan: Plan, from: number, to: number, picture: Picture): Plan {
  const a = clamp(Math.round(Math.min(from, to)), 0, picture.length);
  const b = clamp(Math.round(Math.max(from, to)), 0, picture.length);
  if (a === b) return plan;
  const all = [...plan.mutes, { from: a, to: b }].sort((x, y) => x.from - y.from);
  const mutes: Span[] = [];
  for (const span of all) {
    const last = mutes[mutes.length - 1];
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else mutes.push({ ...span });
  }
  return { ...plan, mutes };
}

/** Gives the plan without its nth muted stretch. */
export function unmute(plan: Plan, n: number): Plan {
  return { ...plan, mutes: plan.mutes.filter((_, i) => i !== n) };
}

/** Says whether the plan silences the sound at a moment. */
export function muted(plan: Plan, t: number): boolean {
  return plan.muteAll || plan.mutes.some((m) => t >= m.from && t <= m.to);
}

/** The moment of the frame that is n frames after the one shown at t, aimed at the frame's middle. */
export function step(t: number, n: number, picture: Picture): number {
  const rate = picture.rate > 0 ? picture.rate : 25;
  const frame = Math.floor((t / 1000) * rate + 1e-6) + n;
  const middle = ((Math.max(frame, 0) + 0.5) / rate) * 1000;
  return clamp(middle, 0, picture.length);
}

/** How far apart two points may be and still mean the same frame, in milliseconds. */
export function sameFrame(picture: Picture): number {
  return picture.length === 0 ? Infinity : 500 / (picture.rate > 0 ? picture.rate : 25);
}

/** The ends of a track that lie inside the film and inside the picture: somebody is seen before or after, so a person must look. */
export function openEnds(track: Track, picture: Picture): ("start" | "end")[] {
  const ends: ("start" | "end")[] = [];
  if (picture.length === 0) return ends;
  const slack = sameFrame(picture) * 2;
  if (track.from > slack && inside(track, track.from, picture)) ends.push("start");
  if (track.to < picture.length - slack && inside(track, track.to, picture)) ends.push("end");
  return ends;
}

function inside(track: Track, t: number, picture: Picture): boolean {
  const p = at(track, t);
  return p !== null && p.x > 0 && p.y > 0 && p.x + track.w < picture.width && p.y + track.h < picture.height;
}

/** Writes a moment for people: 1:02.345, with hours only when there are any. */
export function clock(t: number): string {
  const ms = Math.max(0, Math.round(t));
  const h = Math.floor(ms / 3600000);
  const m = Math.floor(ms / 60000) % 60;
  const s = Math.floor(ms / 1000) % 60;
  const tail = `${String(s).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

/** Reads what clock writes, and plain seconds with point or comma; null when it is neither. */
export function readClock(text: string): number | null {
  const parts = text.trim().replace(",", ".").split(":");
  if (parts.length > 3 || !parts.every((p, i) => (i === parts.length - 1 ? /^\d+(\.\d+)?$/ : /^\d+$/).test(p))) return null;
  return Math.round(parts.reduce((sum, p) => sum * 60 + Number(p), 0) * 1000);
}

export function clamp(v: number, low: number, high: number): number {
  return Math.min(Math.max(v, low), Math.max(low, high));
}
