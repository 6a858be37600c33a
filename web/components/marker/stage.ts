// The picture with the boxes on it: drawing, moving and resizing by pointer,
// touch and keyboard.

import { clamp } from "./clock.js";
import { el, type Words } from "./dom.js";
import { blank, minSide, type Picture, type Plan, type Track } from "./plan.js";
import { Outlines } from "./outlines.js";
import { Shade } from "./shade.js";
import { at, keepNear } from "./track.js";

/** What a person does on the stage. A gesture names changes that are one step of undo. */
export interface StageActions {
  draw(box: { x: number; y: number; w: number; h: number }): void;
  move(id: string, x: number, y: number, gesture: string): void;
  resize(id: string, w: number, h: number, gesture: string): void;
  rest(): void;
  select(id: string): void;
  remove(id: string): void;
  /** A pointer went down on the picture while a free shape is drawn. */
  corner(x: number, y: number): void;
  /** A corner of a free shape was moved to a place in the picture. */
  bend(id: string, n: number, x: number, y: number, gesture: string): void;
  key(e: KeyboardEvent): void;
}

interface Drag {
  kind: "draw" | "move" | "resize" | "bend";
  id: string;
  n: number; // the corner that is bent
  x: number; // where the pointer went down, in the picture
  y: number;
  boxX: number;
  boxY: number;
  boxW: number;
  boxH: number;
  pointer: number;
}

const arrows: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Stage {
  /** Pointers set corners of a free shape instead of drawing boxes. */
  shaping = false;
  private readonly ghost = el("div", { class: "marker-ghost", hidden: true });
  private readonly boxes = new Map<string, HTMLButtonElement>();
  private readonly shade: Shade;
  private readonly outlines: Outlines;
  private drag: Drag | null = null;
  private gestures = 0;
  private plan: Plan = blank;
  private time = 0;

  constructor(
    private readonly layer: HTMLElement,
    canvas: HTMLCanvasElement,
    private readonly picture: Picture,
    private readonly words: Words,
    private readonly act: StageActions,
  ) {
    this.shade = new Shade(canvas, picture);
    this.outlines = new Outlines(layer, picture, words);
    layer.append(this.ghost);
    layer.addEventListener("pointerdown", (e) => this.down(e));
    layer.addEventListener("pointermove", (e) => this.moved(e));
    layer.addEventListener("pointerup", (e) => this.up(e));
    layer.addEventListener("pointercancel", () => this.cancel());
    layer.addEventListener("keydown", (e) => this.key(e));
  }

  /** Takes the size of the picture as it is now. */
  sized(): void {
    this.shade.sized();
    this.outlines.sized();
  }

  /** Shows the plan as it is at a moment. */
  show(plan: Plan, time: number, selected: string): void {
    this.plan = plan;
    this.time = time;
    this.shade.show(plan, time);
    const seen = new Set<string>();
    plan.tracks.forEach((track, n) => {
      seen.add(track.id);
      this.showBox(track, n, track.id === selected);
    });
    for (const [id, box] of this.boxes) {
      if (!seen.has(id)) {
        box.remove();
        this.boxes.delete(id);
      }
    }
    this.outlines.shapes(plan, time, selected);
  }

  /** Shows a way that is offered, and what a machine thinks it saw, beside the plan's own boxes. */
  hint(offer: Track | null, suggested: Track | null): void {
    this.outlines.hints(offer, suggested, this.time);
  }

  /** Shows the corners of a shape that is not closed yet. */
  unfinished(corners: { x: number; y: number }[]): void {
    this.outlines.unfinished(corners);
  }

  /** Puts the keyboard on a box, if it is in the picture now. */
  focus(id: string): void {
    this.boxes.get(id)?.focus();
  }

  private showBox(track: Track, n: number, selected: boolean): void {
    let box = this.boxes.get(track.id);
    const place = at(track, this.time);
    if (!place) {
      if (box) box.hidden = true;
      return;
    }
    if (!box) {
      box = el("button", { type: "button", class: "marker-box", "data-id": track.id, "aria-describedby": "marker-keys" });
      box.append(el("span", { class: "marker-number", "aria-hidden": "true" }), el("span", { class: "marker-grip", "aria-hidden": "true" }));
      box.addEventListener("focus", () => this.act.select(track.id));
      this.boxes.set(track.id, box);
      this.layer.append(box);
    }
    box.hidden = false;
    const kind = `${track.reveal ? " marker-reveal" : ""}${track.corners.length > 0 ? " marker-shaped" : ""}`;
    box.className = `marker-box marker-colour-${n % 8}${kind}${selected ? " marker-selected" : ""}`;
    box.firstElementChild!.textContent = String(n + 1) + (track.reveal ? " ◉" : "");
    box.setAttribute("aria-pressed", String(selected));
    box.setAttribute("aria-label", this.words.say(track.reveal ? "boxReveal" : "box", n + 1, place.x, place.y, track.w, track.h));
    this.outlines.lay(box, place.x, place.y, track.w, track.h);
  }

  // A pointer's place in pixels of the picture.
  private spot(e: PointerEvent): { x: number; y: number } {
    const r = this.layer.getBoundingClientRect();
    return {
      x: ((e.clientX - r.left) / r.width) * this.picture.width,
      y: ((e.clientY - r.top) / r.height) * this.picture.height,
    };
  }

  private down(e: PointerEvent): void {
    if (e.button !== 0 || this.drag) return;
    const spot = this.spot(e);
    const target = e.target as Element;
    if (this.shaping) {
      this.act.corner(spot.x, spot.y);
      this.layer.focus({ preventScroll: true });
      e.preventDefault();
      return;
    }
    const base = { x: spot.x, y: spot.y, n: 0, pointer: e.pointerId };
    const handle = target.closest<HTMLElement>(".marker-corner");
    const box = target.closest<HTMLElement>(".marker-box");
    const id = (handle ?? box)?.dataset["id"];
    const track = this.plan.tracks.find((t) => t.id === id);
    const place = track && at(track, this.time);
    if (track && place) {
      const kind = handle ? "bend" : target.classList.contains("marker-grip") ? "resize" : "move";
      this.drag = { ...base, kind, id: track.id, n: Number(handle?.dataset["n"] ?? 0), boxX: place.x, boxY: place.y, boxW: track.w, boxH: track.h };
      this.act.select(track.id);
      (handle ?? box)?.focus({ preventScroll: true });
    } else {
      this.drag = { ...base, kind: "draw", id: "", boxX: 0, boxY: 0, boxW: 0, boxH: 0 };
    }
    this.gestures++;
    this.layer.setPointerCapture(e.pointerId);
    e.preventDefault();
  }

  private moved(e: PointerEvent): void {
    const d = this.drag;
    if (!d || e.pointerId !== d.pointer) return;
    const { x, y } = this.spot(e);
    const gesture = `drag ${this.gestures}`;
    if (d.kind === "draw") {
      const box = this.drawn(d, x, y);
      this.ghost.hidden = false;
      this.outlines.lay(this.ghost, box.x, box.y, box.w, box.h);
    } else if (d.kind === "move") {
      this.move(d.id, d.boxX + x - d.x, d.boxY + y - d.y, gesture);
    } else if (d.kind === "bend") {
      this.act.bend(d.id, d.n, x, y, gesture);
    } else {
      this.act.resize(d.id, d.boxW + x - d.x, d.boxH + y - d.y, gesture);
    }
  }

  private up(e: PointerEvent): void {
    const d = this.drag;
    if (!d || e.pointerId !== d.pointer) return;
    if (d.kind === "draw") {
      const { x, y } = this.spot(e);
      const box = this.drawn(d, x, y);
      if (box.w >= minSide && box.h >= minSide) this.act.draw(box);
    }
    this.cancel();
  }

  private cancel(): void {
    this.drag = null;
    this.ghost.hidden = true;
    this.act.rest();
  }

  private drawn(d: Drag, x: number, y: number): { x: number; y: number; w: number; h: number } {
    const [x0, x1] = [d.x, x].map((v) => clamp(v, 0, this.picture.width)).sort((a, b) => a - b) as [number, number];
    const [y0, y1] = [d.y, y].map((v) => clamp(v, 0, this.picture.height)).sort((a, b) => a - b) as [number, number];
    return { x: Math.floor(x0), y: Math.floor(y0), w: Math.ceil(x1 - x0), h: Math.ceil(y1 - y0) };
  }

  private move(id: string, x: number, y: number, gesture: string): void {
    const track = this.plan.tracks.find((t) => t.id === id);
    if (!track) return;
    const kept = keepNear(track, x, y, this.picture);
    this.act.move(id, kept.x, kept.y, gesture);
  }

  private key(e: KeyboardEvent): void {
    const target = e.target as HTMLElement;
    const handle = target.closest<HTMLElement>(".marker-corner");
    const id = (handle ?? target.closest<HTMLElement>(".marker-box"))?.dataset["id"];
    const track = this.plan.tracks.find((t) => t.id === id);
    const arrow = arrows[e.key];
    const place = track && at(track, this.time);
    if (track && place && arrow && !e.altKey && !e.ctrlKey && !e.metaKey) {
      const pace = Math.max(1, Math.round(this.picture.width / 160));
      const [dx, dy] = [arrow[0] * pace, arrow[1] * pace];
      const n = Number(handle?.dataset["n"]);
      const corner = handle && track.corners[n];
      if (corner) this.act.bend(track.id, n, place.x + corner.x + dx, place.y + corner.y + dy, `key bend ${track.id} ${n}`);
      else if (e.shiftKey) this.act.resize(track.id, track.w + dx, track.h + dy, `key size ${track.id}`);
      else this.move(track.id, place.x + dx, place.y + dy, `key move ${track.id} ${this.time}`);
    } else if (track && (e.key === "Delete" || e.key === "Backspace")) {
      this.act.remove(track.id);
    } else {
      this.act.key(e);
      return;
    }
    e.preventDefault();
  }
}
