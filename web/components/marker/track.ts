// The arithmetic on one box. spec/vectors/covers.json says where a box lies at a
// moment, and the renderer is held to the same file.

import { clamp } from "./clock.js";
import { freshID, minSide, type Corner, type Picture, type Plan, type Track } from "./plan.js";
import { shotAt } from "./shots.js";

/** Tells where a track lies at t, or null when it is not there then. */
export function at(track: Pick<Track, "from" | "to" | "points">, t: number): { x: number; y: number } | null {
  if (t < track.from || t > track.to || track.points.length === 0) return null;
  const points = track.points;
  const first = points[0]!;
  const last = points[points.length - 1]!;
  if (t <= first.at) return { x: first.x, y: first.y };
  if (t >= last.at) return { x: last.x, y: last.y };
  let low = 0;
  let high = points.length - 1; // points[low].at < t <= points[high].at
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle]!.at < t) low = middle;
    else high = middle;
  }
  const a = points[low]!;
  const b = points[high]!;
  return { x: between(a.at, a.x, b.at, b.x, t), y: between(a.at, a.y, b.at, b.y, t) };
}

// Exact for every film: both factors are far below 2^26, so their product is a
// whole number that a double holds, and the division is rounded once.
function between(t0: number, v0: number, t1: number, v1: number, t: number): number {
  return v0 + Math.floor(((v1 - v0) * (t - t0)) / (t1 - t0));
}

/** Puts the track at a place at a moment: a point is added, or moved when one is already near. What was said of its ends was said of another way. */
export function moveTo(track: Track, t: number, x: number, y: number, near: number): Track {
  const points = track.points.filter((p) => Math.abs(p.at - t) > near);
  points.push({ at: t, x: Math.round(x), y: Math.round(y) });
  points.sort((a, b) => a.at - b.at);
  return retold(track, { ...track, points, from: Math.min(track.from, t), to: Math.max(track.to, t) });
}

/** Takes the point at a moment away; the last one stays, a box needs a place. */
export function dropPoint(track: Track, t: number): Track {
  if (track.points.length < 2) return track;
  return { ...track, points: track.points.filter((p) => p.at !== t) };
}

/** Changes from when to when a track holds. The earlier end never passes the later. */
export function retime(track: Track, from: number, to: number, picture: Picture): Track {
  const a = clamp(Math.round(from), 0, picture.length);
  const b = clamp(Math.round(to), 0, picture.length);
  return retold(track, { ...track, from: Math.min(a, b), to: Math.max(a, b) });
}

// An end that moved has not been looked at.
function retold(before: Track, now: Track): Track {
  return {
    ...now,
    startSeen: before.startSeen && before.from === now.from,
    endSeen: before.endSeen && before.to === now.to,
  };
}

/** Lets a track hold for the whole shot that is shown at t; for the whole film where no shot is known. */
export function wholeShot(track: Track, plan: Plan, t: number, picture: Picture): Track {
  const [from, to] = reach(plan, t, picture);
  return retime(track, from, to, picture);
}

// The first and the last moment of what is shown without a cut at t.
function reach(plan: Plan, t: number, picture: Picture): [number, number] {
  if (picture.length === 0) return [t, t];
  const shot = shotAt(plan, t);
  if (!shot) return [0, picture.length];
  return [shot.from, shot.to >= picture.length ? picture.length : shot.to - 1];
}

/** Changes the size of a track for its whole life: a changing size would tell a pose. A free shape is stretched with it. */
export function resize(track: Track, w: number, h: number, picture: Picture): Track {
  const wide = clamp(Math.round(w), minSide, picture.width);
  const high = clamp(Math.round(h), minSide, picture.height);
  const corners = track.corners.map((c) => ({ x: Math.round((c.x * wide) / track.w), y: Math.round((c.y * high) / track.h) }));
  return { ...track, w: wide, h: high, corners };
}

/** Widens a track by a share of its size, the same on every side. */
export function widen(track: Track, share: number, picture: Picture): Track {
  const wide = resize(track, Math.ceil(track.w * (1 + share)), Math.ceil(track.h * (1 + share)), picture);
  const dx = Math.floor((wide.w - track.w) / 2);
  const dy = Math.floor((wide.h - track.h) / 2);
  return { ...wide, points: track.points.map((p) => ({ at: p.at, x: p.x - dx, y: p.y - dy })) };
}

/** Keeps a corner where at least a strip of the box stays in the picture. */
export function keepNear(track: Track, x: number, y: number, picture: Picture): { x: number; y: number } {
  const strip = minSide / 2;
  return {
    x: clamp(Math.round(x), strip - track.w, picture.width - strip),
    y: clamp(Math.round(y), strip - track.h, picture.height - strip),
  };
}

/**
 * Makes a new track from a box drawn at a moment. A cover holds for the whole
 * shot, or the whole film where no shot is known: too much is mended, too little
 * is not. For the same reason what reveals holds for two seconds where no shot
 * is known.
 */
export function newTrack(plan: Plan, box: { x: number; y: number; w: number; h: number }, t: number, picture: Picture, reveal = false): Track {
  let [from, to] = reach(plan, t, picture);
  if (reveal && picture.length > 0 && !shotAt(plan, t)) {
    // From the beginning of its frame: a frame shows only what is revealed for all of its time.
    const frame = 1000 / (picture.rate > 0 ? picture.rate : 25);
    [from, to] = [Math.floor(Math.floor(t / frame + 1e-6) * frame), Math.min(t + 2000, picture.length)];
  }
  const track: Track = {
    id: freshID(plan), label: "", w: 1, h: 1, from, to, points: [{ at: t, x: Math.round(box.x), y: Math.round(box.y) }],
    reveal, startSeen: false, endSeen: false, source: "", note: "", by: "", corners: [],
  };
  return resize(track, box.w, box.h, picture);
}

/** Makes a free shape on a photo or page (t) from its corners in the picture; null when they enclose nothing. */
export function newShape(plan: Plan, corners: Corner[], t: number, picture: Picture, reveal = false): Track | null {
  if (corners.length < 3) return null;
  const track = newTrack(plan, { x: 0, y: 0, w: minSide, h: minSide }, t, picture, reveal);
  const shaped = shape(track, corners, picture);
  return shaped.w * shaped.h > minSide * minSide ? shaped : null;
}

/** Gives a box the corners of a free shape, in the picture, and lets it enclose them. */
export function shape(track: Track, corners: Corner[], picture: Picture): Track {
  const kept = corners.map((c) => ({ x: clamp(Math.round(c.x), 0, picture.width), y: clamp(Math.round(c.y), 0, picture.height) }));
  const xs = kept.map((c) => c.x);
  const ys = kept.map((c) => c.y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return {
    ...track,
    w: Math.max(Math.max(...xs) - x, minSide),
    h: Math.max(Math.max(...ys) - y, minSide),
    points: [{ at: track.from, x, y }],
    corners: kept.map((c) => ({ x: c.x - x, y: c.y - y })),
  };
}

/** The corners of a box or free shape in the picture at a moment; null when it is not there. */
export function cornersAt(track: Track, t: number): Corner[] | null {
  const p = at(track, t);
  if (!p) return null;
  const own = track.corners.length > 0 ? track.corners : [{ x: 0, y: 0 }, { x: track.w, y: 0 }, { x: track.w, y: track.h }, { x: 0, y: track.h }];
  return own.map((c) => ({ x: c.x + p.x, y: c.y + p.y }));
}

/**
 * What a track reveals of a frame that is shown from one moment to another: what
 * lies in its box all that while, and null when it does not hold for all of it.
 */
export function held(track: Pick<Track, "from" | "to" | "points" | "w" | "h">, from: number, to: number): { x: number; y: number; w: number; h: number } | null {
  const moments = [from, ...track.points.map((p) => p.at).filter((t) => t > from && t < to), to];
  const places = moments.map((t) => at(track, t));
  if (places.some((p) => p === null)) return null;
  const xs = places.map((p) => p!.x);
  const ys = places.map((p) => p!.y);
  const [x, y] = [Math.max(...xs), Math.max(...ys)];
  const [w, h] = [Math.min(...xs) + track.w - x, Math.min(...ys) + track.h - y];
  return w > 0 && h > 0 ? { x, y, w, h } : null;
}
