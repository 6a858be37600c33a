// The shot that is shown now, as one line of words and buttons.

import { clock } from "./clock.js";
import { el, type Words } from "./dom.js";
import type { Plan } from "./plan.js";
import { hiddenAt, shotIndex } from "./shots.js";

export interface ShotActions {
  seek(t: number): void;
  turn(id: string): void;
  split(): void;
  join(id: string): void;
}

export class ShotBar {
  private readonly text = el("span", { class: "marker-shot-text" });
  private readonly before: HTMLButtonElement;
  private readonly after: HTMLButtonElement;
  private readonly toggle: HTMLButtonElement;
  private readonly joining: HTMLButtonElement;
  private plan: Plan | null = null;
  private time = 0;
  private shown = "";

  constructor(root: HTMLElement, private readonly words: Words, private readonly act: ShotActions) {
    const button = (word: string, deed: () => void): HTMLButtonElement => el("button", { type: "button", onclick: deed }, words.say(word));
    this.before = button("shotBefore", () => this.go(-1));
    this.after = button("shotAfter", () => this.go(1));
    this.toggle = button("shotShow", () => this.here((id) => act.turn(id)));
    this.toggle.classList.add("marker-shot-turn");
    this.joining = button("shotJoin", () => this.here((id) => act.join(id)));
    root.append(this.text, this.toggle, this.before, this.after, button("shotSplit", () => act.split()), this.joining);
  }

  /** Says what is shown at t. It is called at every frame and does nothing while the shot is the same. */
  show(plan: Plan, t: number): void {
    this.time = t;
    const i = shotIndex(plan.shots, t);
    const key = `${i} ${hiddenAt(plan, t)}`;
    if (plan === this.plan && key === this.shown) return;
    this.plan = plan;
    this.shown = key;
    const shot = plan.shots[i];
    const state = this.words.say(hiddenAt(plan, t) ? "isHidden" : "isShown");
    this.text.textContent = shot
      ? `${this.words.say("shotNow", i + 1, plan.shots.length, clock(shot.from), clock(shot.to))}: ${state}`
      : `${this.words.say(plan.shots.length > 0 ? "shotNone" : "shotsUnknown")}: ${state}`;
    this.toggle.textContent = this.words.say(shot?.covered ? "shotShow" : "shotHide");
    this.toggle.disabled = this.joining.disabled = !shot;
    this.joining.disabled ||= i + 1 >= plan.shots.length;
    this.before.disabled = this.after.disabled = plan.shots.length === 0;
  }

  private here(deed: (id: string) => void): void {
    const shot = this.plan?.shots[shotIndex(this.plan.shots, this.time)];
    if (shot) deed(shot.id);
  }

  private go(way: 1 | -1): void {
    const starts = (this.plan?.shots ?? []).map((s) => s.from);
    const next = way > 0 ? starts.find((f) => f > this.time) : starts.filter((f) => f < this.time - 500).pop();
    if (next !== undefined) this.act.seek(next);
  }
}
