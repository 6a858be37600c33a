// What is heard: silence, what is kept, and what is said instead.

import { clamp } from "./clock.js";
import { freshID, type Line, type Picture, type Plan, type Span } from "./plan.js";

/** Gives the plan with a stretch muted; stretches that touch become one. */
export function mute(plan: Plan, from: number, to: number, picture: Picture): Plan {
  return { ...plan, mutes: add(plan, plan.mutes, "m", from, to, picture) };
}

/** Gives the plan with a stretch of sound kept though all is muted. */
export function keep(plan: Plan, from: number, to: number, picture: Picture): Plan {
  return { ...plan, keeps: add(plan, plan.keeps, "k", from, to, picture) };
}

function add(plan: Plan, spans: Span[], letter: string, from: number, to: number, picture: Picture): Span[] {
  const a = clamp(Math.round(Math.min(from, to)), 0, picture.length);
  const b = clamp(Math.round(Math.max(from, to)), 0, picture.length);
  if (a === b) return spans;
  const all = [...spans, { id: freshID(plan, letter), from: a, to: b, note: "", by: "" }].sort((x, y) => x.from - y.from);
  const out: Span[] = [];
  for (const span of all) {
    const last = out[out.length - 1];
    if (last && span.from <= last.to) {
      last.to = Math.max(last.to, span.to);
      last.note = [last.note, span.note].filter(Boolean).join("; ");
    } else {
      out.push({ ...span });
    }
  }
  return out;
}

/** Gives the plan without a muted or kept stretch. */
export function dropSpan(plan: Plan, id: string): Plan {
  return { ...plan, mutes: plan.mutes.filter((s) => s.id !== id), keeps: plan.keeps.filter((s) => s.id !== id) };
}

/** Gives the plan with other words about a stretch. */
export function noteSpan(plan: Plan, id: string, note: string): Plan {
  const named = (s: Span): Span => (s.id === id ? { ...s, note } : s);
  return { ...plan, mutes: plan.mutes.map(named), keeps: plan.keeps.map(named) };
}

/** Says whether the people's own sound is heard at a moment. A muted stretch wins over a kept one. */
export function heard(plan: Plan, t: number): boolean {
  const holds = (s: Span): boolean => t >= s.from && t <= s.to;
  return !plan.mutes.some(holds) && (!plan.muteAll || plan.keeps.some(holds));
}

/** Gives the plan with a new, empty line that begins at t. */
export function addLine(plan: Plan, t: number, picture: Picture): { plan: Plan; id: string } {
  const id = freshID(plan, "line");
  const from = clamp(Math.round(t), 0, Math.max(0, picture.length - 1));
  const next = plan.lines.find((l) => l.from > from);
  const to = Math.max(from + 1, Math.min(from + 3000, picture.length, next?.from ?? Infinity));
  return { id, plan: withLine(plan, { id, from, to, words: {} }) };
}

/** Gives the plan with one line changed or added, in the order of time. */
export function withLine(plan: Plan, line: Line): Plan {
  const lines = [...plan.lines.filter((l) => l.id !== line.id), line];
  return { ...plan, lines: lines.sort((a, b) => a.from - b.from || a.to - b.to) };
}

export function dropLine(plan: Plan, id: string): Plan {
  return { ...plan, lines: plan.lines.filter((l) => l.id !== id) };
}

/** Gives the line with its words in one language; without words the language is not there. */
export function say(line: Line, language: string, text: string): Line {
  const { [language]: _, ...others } = line.words;
  return { ...line, words: text === "" ? others : { ...others, [language]: text } };
}

/** Changes when a line is shown; its end stays behind its beginning. */
export function timeLine(line: Line, from: number, to: number, picture: Picture): Line {
  const a = clamp(Math.round(Math.min(from, to)), 0, Math.max(0, picture.length - 1));
  return { ...line, from: a, to: clamp(Math.round(Math.max(from, to)), a + 1, Math.max(a + 1, picture.length)) };
}
