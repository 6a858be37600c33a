// Answers to what a machine thinks it saw, and taking in what it saw anew.

import { freshID, withTrack, type Picture, type Plan, type Suggestion, type Track } from "./plan.js";
import { at, widen } from "./track.js";

/** How much wider a cover is than what the machine saw: it draws its boxes tightly. */
export const margin = 0.3;

export function openSuggestions(plan: Plan): Suggestion[] {
  return plan.suggestions.filter((s) => s.answer === "");
}

/** The open suggestion that comes after one in the order of time, and then of the list; the first after the last. */
export function nextOpen(plan: Plan, id: string): Suggestion | undefined {
  const list = plan.suggestions;
  const i = list.findIndex((s) => s.id === id);
  return [...list.slice(i + 1), ...list.slice(0, i + 1)].find((s) => s.answer === "");
}

/** Covers what was suggested: a track that remembers it. */
export function cover(plan: Plan, id: string, label: string, picture: Picture): { plan: Plan; track: Track | null } {
  const s = plan.suggestions.find((x) => x.id === id);
  if (!s) return { plan, track: null };
  const own: Track = {
    id: freshID(plan), label, w: s.w, h: s.h, from: s.from, to: s.to, points: s.points,
    reveal: false, startSeen: false, endSeen: false, source: s.id, note: "", by: "", corners: [],
  };
  const track = widen(own, margin, picture);
  return { track, plan: answered(withTrack(plan, track.id, track), id, { answer: "cover", note: "" }) };
}

/** Leaves what was suggested as it is, and says why. A cover that was made of it goes. */
export function leave(plan: Plan, id: string, why: string): Plan {
  const rest = plan.tracks.filter((t) => t.source !== id);
  return answered({ ...plan, tracks: rest }, id, { answer: "leave", note: why });
}

/** Opens the question again. */
export function reopen(plan: Plan, id: string): Plan {
  const rest = plan.tracks.filter((t) => t.source !== id);
  return answered({ ...plan, tracks: rest }, id, { answer: "", note: "" });
}

function answered(plan: Plan, id: string, answer: Pick<Suggestion, "answer" | "note">): Plan {
  return { ...plan, suggestions: plan.suggestions.map((s) => (s.id === id ? { ...s, ...answer, by: "" } : s)) };
}

/** Where and when a suggestion is looked at best: in its middle, where it is in full. */
export function best(s: Suggestion): { t: number; x: number; y: number } {
  const t = Math.round((s.from + s.to) / 2);
  const p = at(s, t) ?? s.points[0] ?? { x: 0, y: 0 };
  return { t, x: p.x, y: p.y };
}

/** Puts what a track follows in the place of the track: who it is about and what it is for stay. */
export function followed(before: Track, found: Track): Track {
  return { ...found, id: before.id, label: before.label, note: before.note, reveal: before.reveal, source: before.source || found.source };
}

/** Takes in what a machine found meanwhile, into work that went on: answers and shots that a person decided stand. */
export function absorb(mine: Plan, theirs: Plan): Plan {
  const answers = new Map(mine.suggestions.map((s) => [s.id, s]));
  const found = new Map(theirs.shots.map((s) => [s.id, s]));
  const decided = new Map(mine.shots.filter((s) => s.by !== "").map((s) => [s.id, s]));
  const fits = [...decided.values()].every((s) => found.get(s.id)?.from === s.from && found.get(s.id)?.to === s.to);
  return {
    ...mine,
    head: theirs.head,
    // What is suggested anew has not been gone through.
    reviewed: mine.reviewed && theirs.reviewed,
    shots: fits && theirs.shots.length > 0 ? theirs.shots.map((s) => decided.get(s.id) ?? { ...s, by: "", covered: mine.covered }) : mine.shots,
    suggestions: theirs.suggestions.map((s) => {
      const own = answers.get(s.id);
      return own ? { ...s, answer: own.answer, note: own.note, by: own.by } : s;
    }),
  };
}

/** Says whether a machine alone has changed the plan since: shots nobody decided, and suggestions. */
export function machineOnly(before: Plan, now: Plan): boolean {
  const people = (p: Plan): string =>
    JSON.stringify({ ...p, head: null, reviewed: before.reviewed && !now.reviewed ? null : p.reviewed, shots: p.shots.filter((s) => s.by !== ""), suggestions: p.suggestions.filter((s) => s.answer !== ""), by: "" }, (k, v: unknown) => (k === "by" ? undefined : v));
  return people(before) === people(now);
}
