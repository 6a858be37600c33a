// The list of what a machine thinks it saw: a picture of each and its answers. A
// page of it at a time, so that a film with thousands stays quick.

import { best, nextOpen, openSuggestions } from "./answers.js";
import { clock } from "./clock.js";
import type { Crops } from "./crops.js";
import { el, type Words } from "./dom.js";
import type { Picture, Plan, Suggestion } from "./plan.js";

export interface SuggestedActions {
  seek(t: number): void;
  choose(id: string): void;
  cover(id: string): void;
  follow(id: string): void;
  leave(id: string, why: string): void;
  reopen(id: string): void;
}

const shown = 8;
const cropSide = 160;

export class Suggested {
  /** The suggestion that keys answer. */
  now = "";
  private readonly list: HTMLElement;
  private readonly count: HTMLElement;
  private readonly all: HTMLInputElement;
  private plan: Plan | null = null;
  private key = "";

  constructor(root: HTMLElement, private readonly words: Words, private readonly picture: Picture, private readonly crops: Crops | null, private readonly act: SuggestedActions) {
    this.list = root.querySelector<HTMLElement>(".marker-suggestions")!;
    this.count = root.querySelector<HTMLElement>(".marker-suggestions-count")!;
    this.all = root.querySelector<HTMLInputElement>(".marker-suggestions-all")!;
    this.all.addEventListener("change", () => this.plan && this.show(this.plan));
  }

  /** Shows the open suggestions that come next, or all of them. */
  show(plan: Plan): void {
    this.plan = plan;
    const open = openSuggestions(plan);
    const listed = this.all.checked ? plan.suggestions : open;
    if (!listed.some((s) => s.id === this.now)) this.now = (nextOpen(plan, this.now) ?? listed[0])?.id ?? "";
    const i = Math.max(0, listed.findIndex((s) => s.id === this.now));
    const page = listed.slice(i - (i % shown), i - (i % shown) + shown);
    this.count.textContent = plan.suggestions.length === 0 ? this.words.say("suggestNone") : this.words.say("suggestCount", open.length, plan.suggestions.length);
    this.all.closest("label")!.hidden = plan.suggestions.length === 0;
    // Built anew only when something changes: each picture is wound for.
    const key = JSON.stringify([this.now, page.map((s) => [s.id, s.answer, s.note])]);
    if (key === this.key) return;
    this.key = key;
    const held = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement);
    this.list.replaceChildren(...page.map((s) => this.card(s, s.id === this.now)));
    if (held) this.list.querySelector<HTMLElement>(".marker-now-asked button")?.focus({ preventScroll: true });
  }

  /** Goes on to the next open suggestion. */
  next(): Suggestion | undefined {
    const next = this.plan && nextOpen(this.plan, this.now);
    if (next) this.choose(next);
    return next ?? undefined;
  }

  /** The reason for leaving that stands in the chosen card. */
  get why(): string {
    return this.list.querySelector<HTMLInputElement>(".marker-now-asked input")?.value.trim() ?? "";
  }

  private get timed(): boolean {
    return this.picture.length > 0;
  }

  private choose(s: Suggestion): void {
    this.now = s.id;
    this.act.choose(s.id);
    this.act.seek(best(s).t);
    if (this.plan) this.show(this.plan);
  }

  private card(s: Suggestion, chosen: boolean): HTMLElement {
    const spot = best(s);
    const canvas = el("canvas", { width: cropSide, height: cropSide, class: "marker-crop", "aria-hidden": "true" });
    const name = this.words.say(s.what === "plate" ? "plate" : "face");
    const place = `${spot.x}, ${spot.y}`;
    const still = this.picture.pages ? `${this.words.say("page", s.from)} · ${place}` : place;
    const when = this.timed ? `${clock(s.from)} – ${clock(s.to)}` : still;
    const card = el(
      "li", { class: `marker-suggestion${chosen ? " marker-now-asked" : ""}` },
      el("button", { type: "button", class: "marker-crop-button", "aria-label": this.words.say("suggestLook", name, when), "aria-pressed": String(chosen), onclick: () => this.choose(s) }, canvas),
      el("p", {}, el("strong", {}, name), " ", el("span", { class: "quiet" }, when)),
    );
    queueMicrotask(() => this.crops?.draw({ canvas, t: spot.t, x: spot.x, y: spot.y, w: s.w, h: s.h }));
    if (s.answer !== "") card.append(this.answered(s));
    else if (chosen) card.append(this.answers(s));
    return card;
  }

  private answered(s: Suggestion): HTMLElement {
    const said = s.answer === "cover" ? this.words.say("suggestCovered") : this.words.say("suggestLeft", s.note);
    return el("p", {}, said, " ", el("button", { type: "button", onclick: () => this.act.reopen(s.id) }, this.words.say("suggestReopen")));
  }

  private answers(s: Suggestion): HTMLElement {
    const why = el("input", { type: "text", maxlength: 200, list: "marker-reasons", value: this.words.say("reasonMistake"), "aria-label": this.words.say("suggestWhy") });
    const button = (word: string, deed: () => void, kind = ""): HTMLElement => el("button", { type: "button", class: kind, onclick: deed }, this.words.say(word));
    const answers = el("div", { class: "marker-answers" }, button("suggestCover", () => this.act.cover(s.id), "primary"));
    if (this.timed) answers.append(button("suggestFollow", () => this.act.follow(s.id)));
    answers.append(
      el("label", {}, this.words.say("suggestWhy"), why),
      button("suggestLeave", () => (why.value.trim() === "" ? why.focus() : this.act.leave(s.id, why.value.trim()))),
      button("suggestNext", () => this.next()),
    );
    return answers;
  }
}
