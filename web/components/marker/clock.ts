// Moments as people write them, and steps from frame to frame.

import type { Picture } from "./plan.js";

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

export function clamp(v: number, low: number, high: number): number {
  return Math.min(Math.max(v, low), Math.max(low, high));
}
