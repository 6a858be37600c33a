// Shots, and what is shown at a moment: how the picture begins, minus nothing
// where it is open, or only what is revealed where it is hidden, minus covers.

import { freshID, type Plan, type Shot, type Track } from "./plan.js";

/** The shot that is shown at t; undefined where none is known. */
export function shotAt(plan: Plan, t: number): Shot | undefined {
  const i = shotIndex(plan.shots, t);
  return i < 0 ? undefined : plan.shots[i];
}

/** The place of that shot in the plan, -1 for none. */
export function shotIndex(shots: Shot[], t: number): number {
  let low = -1;
  let high = shots.length; // shots[low].from <= t < shots[high].from
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (shots[middle]!.from <= t) low = middle;
    else high = middle;
  }
  return low >= 0 && t < shots[low]!.to ? low : -1;
}

/** Says whether the picture is hidden at t but for what is revealed. */
export function hiddenAt(plan: Plan, t: number): boolean {
  return shotAt(plan, t)?.covered ?? plan.covered;
}

/** What makes up the picture at a moment. */
export interface Shown {
  hidden: boolean; // all but what is revealed
  reveals: Track[];
  covers: Track[]; // they win over every reveal
}

/** Tells what readers see of the picture at t. */
export function shownAt(plan: Plan, t: number): Shown {
  const now = plan.tracks.filter((track) => t >= track.from && t <= track.to);
  const hidden = hiddenAt(plan, t);
  return { hidden, reveals: hidden ? now.filter((track) => track.reveal) : [], covers: now.filter((track) => !track.reveal) };
}

/** Says how the picture begins. Shots that nobody decided follow. */
export function begin(plan: Plan, covered: boolean): Plan {
  return { ...plan, covered, shots: plan.shots.map((s) => (s.by === "" ? { ...s, covered } : s)) };
}

/** Hides a shot that was open, or opens one that was hidden; by is who decided. */
export function turn(plan: Plan, id: string, by: string): Plan {
  return { ...plan, shots: plan.shots.map((s) => (s.id === id ? { ...s, covered: !s.covered, by } : s)) };
}

/** Cuts the film at t. Where no shot was known one is made of what lies between its neighbours. */
export function split(plan: Plan, t: number, length: number, by: string): Plan {
  const cut = Math.round(t);
  const known = shotAt(plan, cut);
  const before = plan.shots.filter((s) => s.to <= cut);
  const after = plan.shots.filter((s) => s.from > cut);
  const whole = known ?? {
    id: freshID(plan, "shot"), from: before[before.length - 1]?.to ?? 0, to: after[0]?.from ?? length, covered: plan.covered, by,
  };
  if (cut <= whole.from || cut >= whole.to) return plan;
  const first = { ...whole, to: cut, by };
  const middle = { ...plan, shots: [...before, first, ...after] };
  return { ...plan, shots: [...before, first, { ...whole, id: freshID(middle, "shot"), from: cut, by }, ...after] };
}

/** Makes one shot of a shot and the next. Hidden wins. */
export function join(plan: Plan, id: string, by: string): Plan {
  const i = plan.shots.findIndex((s) => s.id === id);
  const [a, b] = [plan.shots[i], plan.shots[i + 1]];
  if (!a || !b) return plan;
  const one = { ...a, to: b.to, covered: a.covered || b.covered, by };
  return { ...plan, shots: [...plan.shots.slice(0, i), one, ...plan.shots.slice(i + 2)] };
}
