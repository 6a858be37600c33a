// The bars under a film: where one is, the shots, when each box holds, what a
// machine suggests, what is still asked, and the sound. A long film is looked at
// through a window of time; only what lies in it is built, and what would be
// narrower than a finger's width of pixels is drawn as one.

import { clamp, clock } from "./clock.js";
import { el, type Words } from "./dom.js";
import type { Picture, Plan, Shot } from "./plan.js";

export interface TimelineActions {
  seek(t: number): void;
  select(id: string): void;
  stretch(from: number, to: number): void;
}

/** Something that is asked about a moment. */
export interface Mark {
  at: number;
}

// How many bars a lane is made of at most.
const finest = 400;

export class Timeline {
  readonly scrub: HTMLInputElement;
  private readonly lanes = el("div", { class: "marker-lanes" });
  private readonly heads: HTMLElement[] = [];
  private zoom = 1;
  private from = 0; // of the window
  private to: number;
  private last: [Plan, string, Mark[]] | null = null;

  constructor(
    root: HTMLElement,
    private readonly picture: Picture,
    private readonly words: Words,
    private readonly act: TimelineActions,
  ) {
    this.to = picture.length;
    this.scrub = el("input", {
      type: "range", min: 0, max: Math.max(1, Math.round(picture.length)), step: this.frame(), value: 0,
      "aria-label": words.say("position"), class: "marker-scrub",
      oninput: () => this.act.seek(Number(this.scrub.value)),
    });
    root.append(this.scrub, this.lanes);
    // Here and not on the bar of the sound: bars are built anew while somebody draws on them.
    this.lanes.addEventListener("pointerdown", (e) => (e.target as HTMLElement).closest(".marker-sound") && this.stretchByDrag(e));
    this.lanes.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
  }

  private frame(): number {
    return Math.max(1, Math.round(1000 / (this.picture.rate > 0 ? this.picture.rate : 25)));
  }

  /** Moves the position without building the bars anew, unless it leaves the window. */
  tick(t: number): void {
    if (this.zoom > 1 && (t < this.from || t > this.to)) this.look(t);
    if (document.activeElement !== this.scrub || Number(this.scrub.value) !== Math.round(t)) this.scrub.value = String(Math.round(t));
    this.scrub.setAttribute("aria-valuetext", clock(t));
    for (const head of this.heads) head.style.left = this.share(t);
  }

  /** Looks closer (a factor above 1) or from further away, around a moment. */
  closer(factor: number, t: number): void {
    // A window of two seconds is close enough for single frames.
    this.zoom = clamp(this.zoom * factor, 1, Math.max(1, this.picture.length / 2000));
    this.look(t);
  }

  /** Looks at the whole film again. */
  whole(t: number): void {
    this.zoom = 1;
    this.look(t);
  }

  private look(t: number): void {
    const wide = this.picture.length / this.zoom;
    this.from = clamp(t - wide / 2, 0, this.picture.length - wide);
    this.to = this.from + wide;
    this.scrub.min = String(Math.floor(this.from));
    this.scrub.max = String(Math.max(1, Math.ceil(this.to)));
    if (this.last) this.show(...this.last);
    this.tick(t);
  }

  private wheel(e: WheelEvent): void {
    if (!e.ctrlKey) return;
    e.preventDefault();
    this.closer(e.deltaY < 0 ? 1.5 : 1 / 1.5, this.moment(this.lanes, e.clientX));
  }

  /** Builds the bars for a plan. */
  show(plan: Plan, selected: string, asked: Mark[]): void {
    this.last = [plan, selected, asked];
    this.heads.length = 0;
    const lanes: HTMLElement[] = [];
    if (this.picture.width > 1) lanes.push(this.shots(plan));
    if (plan.suggestions.length > 0) lanes.push(this.marks("marker-lane-suggested", "?", plan.suggestions.map((s) => ({ at: (s.from + s.to) / 2, open: s.answer === "" }))));
    if (asked.length > 0) lanes.push(this.marks("marker-lane-asked", "!", asked.map((q) => ({ at: q.at, open: true }))));
    lanes.push(this.sound(plan));
    plan.tracks.forEach((track, n) => {
      if (track.to < this.from || track.from > this.to) return;
      const lane = this.lane(`marker-lane marker-colour-${n % 8}${track.id === selected ? " marker-selected" : ""}${track.reveal ? " marker-reveal" : ""}`, String(n + 1));
      lane.addEventListener("click", (e) => {
        this.act.select(track.id);
        this.act.seek(this.moment(lane, e.clientX));
      });
      lane.append(this.bar("marker-bar", track.from, track.to));
      if (track.id === selected) for (const t of this.thinned(track.points.map((p) => p.at))) lane.append(this.dot("marker-dot", t));
      lanes.push(lane);
    });
    this.lanes.replaceChildren(...lanes);
  }

  private shots(plan: Plan): HTMLElement {
    const lane = this.lane(`marker-lane marker-shots${plan.covered ? " marker-hidden" : ""}`, "▣");
    lane.title = this.words.say("shotsBar");
    lane.addEventListener("click", (e) => this.act.seek(this.moment(lane, e.clientX)));
    for (const s of this.merged(plan.shots)) lane.append(this.bar(s.covered ? "marker-shot marker-hidden" : "marker-shot", s.from, s.to));
    return lane;
  }

  // Shots in the window; neighbours that are too narrow to be told apart as one, hidden when one of them is.
  private merged(shots: Shot[]): Pick<Shot, "from" | "to" | "covered">[] {
    const narrow = (this.to - this.from) / finest;
    const out: { from: number; to: number; covered: boolean }[] = [];
    for (const s of shots) {
      if (s.to <= this.from || s.from >= this.to) continue;
      const last = out[out.length - 1];
      if (last && s.to - last.from < narrow) {
        last.to = s.to;
        last.covered ||= s.covered;
      } else {
        out.push({ from: s.from, to: s.to, covered: s.covered });
      }
    }
    return out;
  }

  private marks(kind: string, sign: string, marks: { at: number; open: boolean }[]): HTMLElement {
    const lane = this.lane(`marker-lane ${kind}`, sign);
    lane.addEventListener("click", (e) => {
      const t = this.moment(lane, e.clientX);
      const near = marks.reduce<number | null>((best, m) => (best === null || Math.abs(m.at - t) < Math.abs(best - t) ? m.at : best), null);
      this.act.seek(near ?? t);
    });
    for (const open of [false, true]) {
      for (const t of this.thinned(marks.filter((m) => m.open === open).map((m) => m.at))) lane.append(this.dot(open ? "marker-flag marker-flag-open" : "marker-flag", t));
    }
    return lane;
  }

  private sound(plan: Plan): HTMLElement {
    const lane = this.lane("marker-sound", "♪");
    lane.title = this.words.say(plan.muteAll ? "soundBarKeep" : "soundBar");
    if (plan.muteAll) lane.append(this.bar("marker-mute", 0, this.picture.length));
    for (const s of plan.keeps) lane.append(this.bar("marker-keep", s.from, s.to));
    for (const s of plan.mutes) lane.append(this.bar("marker-mute", s.from, s.to));
    for (const l of this.thinned(plan.lines.map((line) => line.from))) lane.append(this.dot("marker-said", l));
    return lane;
  }

  private lane(kind: string, name: string): HTMLElement {
    const head = el("span", { class: "marker-head" });
    this.heads.push(head);
    return el("div", { class: kind }, el("span", { class: "marker-lane-name", "aria-hidden": "true" }, name), head);
  }

  // Moments in the window, as many as can be told apart.
  private thinned(times: number[]): number[] {
    const narrow = (this.to - this.from) / finest;
    const out: number[] = [];
    for (const t of times.filter((x) => x >= this.from && x <= this.to).sort((a, b) => a - b)) {
      const last = out[out.length - 1];
      if (last === undefined || t - last >= narrow) out.push(t);
    }
    return out;
  }

  private share(t: number): string {
    return `${this.to > this.from ? ((t - this.from) / (this.to - this.from)) * 100 : 0}%`;
  }

  private bar(kind: string, from: number, to: number): HTMLElement {
    const bar = el("span", { class: kind });
    const [a, b] = [clamp(from, this.from, this.to), clamp(to, this.from, this.to)];
    bar.style.left = this.share(a);
    bar.style.width = `max(2px, ${this.to > this.from ? ((b - a) / (this.to - this.from)) * 100 : 0}%)`;
    return bar;
  }

  private dot(kind: string, t: number): HTMLElement {
    const dot = el("span", { class: kind });
    dot.style.left = this.share(t);
    return dot;
  }

  private moment(bar: HTMLElement, clientX: number): number {
    const r = bar.getBoundingClientRect();
    return this.from + clamp((clientX - r.left) / r.width, 0, 1) * (this.to - this.from);
  }

  // A drag along the sound bar marks a stretch; a touch goes to the moment.
  private stretchByDrag(e: PointerEvent): void {
    if (e.button !== 0) return;
    const lanes = this.lanes;
    const from = this.moment(lanes, e.clientX);
    const done = new AbortController();
    lanes.setPointerCapture(e.pointerId);
    const end = (up: PointerEvent, keep: boolean): void => {
      done.abort();
      const to = this.moment(lanes, up.clientX);
      if (keep && Math.abs(up.clientX - e.clientX) > 4) this.act.stretch(from, to);
      else if (keep) this.act.seek(to);
    };
    lanes.addEventListener("pointerup", (up) => end(up, true), { signal: done.signal });
    lanes.addEventListener("pointercancel", (up) => end(up, false), { signal: done.signal });
    e.preventDefault();
  }
}
