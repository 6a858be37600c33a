// The bars under a film: where one is, when each track covers, which stretches
// are silent.

import { el, type Words } from "./dom.js";
import { clock, type Picture, type Plan } from "./plan.js";

export interface TimelineActions {
  seek(t: number): void;
  select(id: string): void;
  mute(from: number, to: number): void;
}

export class Timeline {
  readonly scrub: HTMLInputElement;
  private readonly lanes = el("div", { class: "marker-lanes" });
  private readonly sound: HTMLElement;
  private readonly heads: HTMLElement[] = [];

  constructor(
    root: HTMLElement,
    private readonly picture: Picture,
    words: Words,
    private readonly act: TimelineActions,
  ) {
    const frame = 1000 / (picture.rate > 0 ? picture.rate : 25);
    this.scrub = el("input", {
      type: "range", min: 0, max: Math.max(1, Math.round(picture.length)), step: Math.max(1, Math.round(frame)), value: 0,
      "aria-label": words.say("position"), class: "marker-scrub",
      oninput: () => this.act.seek(Number(this.scrub.value)),
    });
    this.sound = el("div", { class: "marker-sound", title: words.say("soundBar") });
    this.sound.addEventListener("pointerdown", (e) => this.muteByDrag(e));
    root.append(this.scrub, this.lanes, this.sound);
  }

  /** Moves the position without building the bars anew. */
  tick(t: number): void {
    if (document.activeElement !== this.scrub || Number(this.scrub.value) !== Math.round(t)) this.scrub.value = String(Math.round(t));
    this.scrub.setAttribute("aria-valuetext", clock(t));
    for (const head of this.heads) head.style.left = this.share(t);
  }

  /** Builds the bars for a plan. */
  show(plan: Plan, selected: string): void {
    this.heads.length = 0;
    this.lanes.replaceChildren(
      ...plan.tracks.map((track, n) => {
        const lane = el("div", { class: `marker-lane marker-colour-${n % 8}${track.id === selected ? " marker-selected" : ""}` });
        lane.addEventListener("click", (e) => {
          this.act.select(track.id);
          this.act.seek(this.moment(lane, e.clientX));
        });
        const bar = el("span", { class: "marker-bar" });
        this.lay(bar, track.from, track.to);
        lane.append(el("span", { class: "marker-lane-name", "aria-hidden": "true" }, String(n + 1)), bar);
        for (const p of track.points) {
          const dot = el("span", { class: "marker-dot" });
          dot.style.left = this.share(p.at);
          lane.append(dot);
        }
        return this.withHead(lane);
      }),
    );
    this.sound.replaceChildren(el("span", { class: "marker-lane-name", "aria-hidden": "true" }, "♪"));
    const silent = plan.muteAll ? [{ from: 0, to: this.picture.length }] : plan.mutes;
    for (const span of silent) {
      const bar = el("span", { class: "marker-mute" });
      this.lay(bar, span.from, span.to);
      this.sound.append(bar);
    }
    this.withHead(this.sound);
  }

  private withHead(lane: HTMLElement): HTMLElement {
    const head = el("span", { class: "marker-head" });
    this.heads.push(head);
    lane.append(head);
    return lane;
  }

  private share(t: number): string {
    return `${this.picture.length > 0 ? (t / this.picture.length) * 100 : 0}%`;
  }

  private lay(bar: HTMLElement, from: number, to: number): void {
    bar.style.left = this.share(from);
    bar.style.width = `max(2px, ${this.share(to - from)})`;
  }

  private moment(bar: HTMLElement, clientX: number): number {
    const r = bar.getBoundingClientRect();
    return Math.min(Math.max((clientX - r.left) / r.width, 0), 1) * this.picture.length;
  }

  // A drag along the sound bar silences a stretch; a touch goes to the moment.
  private muteByDrag(e: PointerEvent): void {
    if (e.button !== 0) return;
    const from = this.moment(this.sound, e.clientX);
    const done = new AbortController();
    this.sound.setPointerCapture(e.pointerId);
    const end = (up: PointerEvent, keep: boolean): void => {
      done.abort();
      const to = this.moment(this.sound, up.clientX);
      if (keep && Math.abs(up.clientX - e.clientX) > 4) this.act.mute(from, to);
      else if (keep) this.act.seek(to);
    };
    this.sound.addEventListener("pointerup", (up) => end(up, true), { signal: done.signal });
    this.sound.addEventListener("pointercancel", (up) => end(up, false), { signal: done.signal });
    e.preventDefault();
  }
}
