// The list beside the picture: every box with its numbers. Whatever the pointer
// can do can be done here with the keyboard.

import { clock, readClock } from "./clock.js";
import { el, type Words } from "./dom.js";
import type { Picture, Plan, Track } from "./plan.js";
import { at, cornersAt } from "./track.js";

export interface PanelActions {
  select(id: string): void;
  seek(t: number): void;
  change(track: Track): void;
  place(id: string, x: number, y: number): void;
  size(id: string, w: number, h: number): void;
  remove(id: string): void;
  drop(id: string, t: number): void;
  time(id: string, from: number, to: number): void;
  wholeShot(id: string): void;
  widen(id: string): void;
  follow(id: string): void;
  bend(id: string, n: number, x: number, y: number): void;
  /** Puts a corner after the nth, or (whole box) makes a free shape of it. */
  addCorner(id: string, n: number): void;
  dropCorner(id: string, n: number): void;
}

export class Panel {
  constructor(
    private readonly tracks: HTMLElement,
    private readonly picture: Picture,
    private readonly words: Words,
    private readonly act: PanelActions,
  ) {}

  /** Builds the lists anew and keeps the keyboard where it was. */
  show(plan: Plan, selected: string, t: number): void {
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    this.tracks.replaceChildren(...plan.tracks.map((track, n) => this.card(track, n, track.id === selected, t)));
    if (plan.tracks.length === 0) this.tracks.append(el("p", { class: "quiet" }, this.words.say("empty")));
    if (held) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  private card(track: Track, n: number, open: boolean, t: number): HTMLElement {
    const head = el(
      "button",
      {
        type: "button", class: "marker-card-head", "aria-expanded": String(open), "data-key": `head ${track.id}`,
        onclick: () => this.act.select(open ? "" : track.id),
      },
      el("span", { class: "marker-swatch", "aria-hidden": "true" }, String(n + 1)),
      el("span", {}, this.name(track, n), track.reveal ? ` · ${this.words.say("shows")}` : ""),
      el("span", { class: "quiet" }, this.where(track)),
    );
    const card = el("li", { class: `marker-card marker-colour-${n % 8}` }, head);
    if (open) card.append(this.details(track, t));
    return card;
  }

  private where(track: Track): string {
    if (this.picture.length > 0) return `${clock(track.from)} – ${clock(track.to)}`;
    return `${this.picture.pages ? `${this.words.say("page", track.from)} · ` : ""}${track.w} × ${track.h}`;
  }

  private name(track: Track, n: number): string {
    return track.label || this.words.say("track", n + 1);
  }

  private details(track: Track, t: number): HTMLElement {
    const film = this.picture.length > 0;
    const place = at(track, t) ?? track.points[0]!;
    const body = el("div", { class: "marker-details" });
    body.append(this.label(track), this.kind(track), this.numbers(track, place));
    if (film) body.append(this.times(track, t), this.points(track));
    else body.append(this.corners(track));
    body.append(this.deeds(track, film));
    return body;
  }

  private deeds(track: Track, film: boolean): HTMLElement {
    const button = (word: string, deed: (id: string) => void, kind = ""): HTMLElement =>
      el("button", { type: "button", class: kind, "data-key": `${word} ${track.id}`, onclick: () => deed(track.id) }, this.words.say(word));
    const deeds = el("p", { class: "actions" });
    if (film) deeds.append(button("follow", this.act.follow), button("wholeShot", this.act.wholeShot));
    deeds.append(button("widen", this.act.widen), button("remove", this.act.remove, "danger"));
    return deeds;
  }

  private kind(track: Track): HTMLElement {
    const box = el("input", { type: "checkbox", "data-key": `reveal ${track.id}`, onchange: () => this.act.change({ ...track, reveal: box.checked }) });
    box.checked = track.reveal;
    return el("label", { class: "check" }, box, el("span", {}, this.words.say("reveals")));
  }

  private label(track: Track): HTMLElement {
    const input = el("input", {
      type: "text", maxlength: 200, value: track.label, list: "marker-labels", "data-key": `label ${track.id}`,
      onchange: () => this.act.change({ ...track, label: input.value.trim() }),
    });
    return el("label", { class: "marker-wide" }, this.words.say("what"), input);
  }

  private numbers(track: Track, place: { x: number; y: number }): HTMLElement {
    const field = (name: "x" | "y" | "w" | "h", value: number, set: (v: number) => void): HTMLElement => {
      const input = el("input", {
        type: "number", step: 1, value, inputmode: "numeric", "data-key": `${name} ${track.id}`,
        onchange: () => {
          const v = Number(input.value);
          if (Number.isFinite(v) && input.value !== "") set(v);
        },
      });
      return el("label", {}, this.words.say(name), input);
    };
    return el(
      "div", { class: "marker-grid" },
      field("x", place.x, (v) => this.act.place(track.id, v, place.y)),
      field("y", place.y, (v) => this.act.place(track.id, place.x, v)),
      field("w", track.w, (v) => this.act.size(track.id, v, track.h)),
      field("h", track.h, (v) => this.act.size(track.id, track.w, v)),
    );
  }

  private times(track: Track, t: number): HTMLElement {
    const field = (name: "from" | "to", set: (v: number) => void): HTMLElement => {
      const input = el("input", {
        type: "text", inputmode: "decimal", value: clock(track[name]), "data-key": `${name} ${track.id}`,
        onchange: () => {
          const v = readClock(input.value);
          if (v === null) input.value = clock(track[name]);
          else set(v);
        },
      });
      return el("label", {}, this.words.say(name), input);
    };
    const button = (word: string, from: number, to: number): HTMLElement =>
      el("button", { type: "button", "data-key": `${word} ${track.id}`, onclick: () => this.act.time(track.id, from, to) }, this.words.say(word));
    return el(
      "div", { class: "marker-grid" },
      field("from", (v) => this.act.time(track.id, v, track.to)),
      field("to", (v) => this.act.time(track.id, track.from, v)),
      button("startHere", t, Math.max(t, track.to)),
      button("endHere", Math.min(track.from, t), t),
      button("whole", 0, this.picture.length),
    );
  }

  private points(track: Track): HTMLElement {
    const rows = track.points.map((p) =>
      el(
        "li", {},
        el("button", { type: "button", "data-key": `go ${track.id} ${p.at}`, "aria-label": this.words.say("goPoint", clock(p.at)), onclick: () => this.act.seek(p.at) }, clock(p.at)),
        el("span", { class: "quiet" }, `${p.x}, ${p.y}`),
        el(
          "button",
          {
            type: "button", "data-key": `drop ${track.id} ${p.at}`, disabled: track.points.length < 2,
            "aria-label": this.words.say("dropPoint", clock(p.at)), onclick: () => this.act.drop(track.id, p.at),
          },
          "✕",
        ),
      ),
    );
    return el("div", {}, el("p", { class: "quiet" }, this.words.say("points")), el("ul", { class: "marker-points" }, ...rows));
  }

  private corners(track: Track): HTMLElement {
    const corners = track.corners.length > 0 ? (cornersAt(track, track.from) ?? []) : [];
    if (corners.length === 0) {
      return el("p", {}, el("button", { type: "button", "data-key": `shape ${track.id}`, onclick: () => this.act.addCorner(track.id, -1) }, this.words.say("makeShape")));
    }
    const rows = corners.map((c, n) => {
      const field = (name: "x" | "y"): HTMLElement => {
        const input = el("input", {
          type: "number", step: 1, value: c[name], inputmode: "numeric", "data-key": `corner ${name} ${n} ${track.id}`,
          "aria-label": this.words.say(name === "x" ? "cornerLeft" : "cornerTop", n + 1),
          onchange: () => {
            if (input.value !== "") this.act.bend(track.id, n, name === "x" ? Number(input.value) : c.x, name === "y" ? Number(input.value) : c.y);
          },
        });
        return input;
      };
      const button = (sign: string, word: string, deed: () => void, off = false): HTMLElement =>
        el("button", { type: "button", "data-key": `${word} ${n} ${track.id}`, "aria-label": this.words.say(word, n + 1), disabled: off, onclick: deed }, sign);
      return el("li", {}, field("x"), field("y"), button("+", "addCorner", () => this.act.addCorner(track.id, n)),
        button("✕", "dropCorner", () => this.act.dropCorner(track.id, n), corners.length < 4));
    });
    return el("div", {}, el("p", { class: "quiet" }, this.words.say("corners")), el("ul", { class: "marker-points marker-corners" }, ...rows));
  }
}
