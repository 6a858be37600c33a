// The picture with the boxes on it: drawing, moving and resizing by pointer,
// touch and keyboard.

import { el, type Words } from "./dom.js";
import { at, clamp, keepNear, minSide, type Picture, type Plan, type Track } from "./plan.js";

/** What a person does on the stage. A gesture names changes that are one step of undo. */
export interface StageActions {
  draw(box: { x: number; y: number; w: number; h: number }): void;
  move(id: string, x: number, y: number, gesture: string): void;
  resize(id: string, w: number, h: number, gesture: string): void;
  rest(): void;
  select(id: string): void;
  remove(id: string): void;
  key(e: KeyboardEvent): void;
}

interface Drag {
  kind: "draw" | "move" | "resize";
  id: string;
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
  private readonly ghost = el("div", { class: "marker-ghost", hidden: true });
  private readonly boxes = new Map<string, HTMLButtonElement>();
  private drag: Drag | null = null;
  private gestures = 0;
  private plan: Plan = { tracks: [], mutes: [], muteAll: true, reviewed: false };
  private time = 0;

  constructor(
    private readonly layer: HTMLElement,
    private readonly picture: Picture,
    private readonly words: Words,
    private readonly act: StageActions,
  ) {
    layer.append(this.ghost);
    layer.addEventListener("pointerdown", (e) => this.down(e));
    layer.addEventListener("pointermove", (e) => this.moved(e));
    layer.addEventListener("pointerup", (e) => this.up(e));
    layer.addEventListener("pointercancel", () => this.cancel());
    layer.addEventListener("keydown", (e) => this.key(e));
  }

  /** Shows the plan as it is at a moment. */
  show(plan: Plan, time: number, selected: string): void {
    this.plan = plan;
    this.time = time;
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
  }

  /** Puts the keyboard on a box, if it is in the picture now. */
  focus(id: string): void {
    this.boxes.get(id)?.focus();
  }

  private showBox(track: Track, n: number, selected: boolean): void {
    let box = this.boxes.get(track.id);
    if (!box) {
      box = el("button", { type: "button", class: "marker-box", "data-id": track.id, "aria-describedby": "marker-keys" });
      box.append(el("span", { class: "marker-number", "aria-hidden": "true" }), el("span", { class: "marker-grip", "aria-hidden": "true" }));
      box.addEventListener("focus", () => this.act.select(track.id));
      this.boxes.set(track.id, box);
      this.layer.append(box);
    }
    const place = at(track, this.time);
    box.hidden = place === null;
    if (!place) return;
    box.className = `marker-box marker-colour-${n % 8}${selected ? " marker-selected" : ""}`;
    box.firstElementChild!.textContent = String(n + 1);
    box.setAttribute("aria-pressed", String(selected));
    box.setAttribute("aria-label", this.words.say("box", n + 1, place.x, place.y, track.w, track.h));
    this.lay(box, place.x, place.y, track.w, track.h);
  }

  private lay(node: HTMLElement, x: number, y: number, w: number, h: number): void {
    node.style.left = `${(x / this.picture.width) * 100}%`;
    node.style.top = `${(y / this.picture.height) * 100}%`;
    node.style.width = `${(w / this.picture.width) * 100}%`;
    node.style.height = `${(h / this.picture.height) * 100}%`;
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
    const target = e.target as HTMLElement;
    const box = target.closest<HTMLElement>(".marker-box");
    const base = { x: spot.x, y: spot.y, pointer: e.pointerId };
    if (box) {
      const track = this.plan.tracks.find((t) => t.id === box.dataset["id"]);
      const place = track && at(track, this.time);
      if (!track || !place) return;
      const kind = target.classList.contains("marker-grip") ? "resize" : "move";
      this.drag = { ...base, kind, id: track.id, boxX: place.x, boxY: place.y, boxW: track.w, boxH: track.h };
      this.act.select(track.id);
      box.focus({ preventScroll: true });
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
      this.lay(this.ghost, box.x, box.y, box.w, box.h);
    } else if (d.kind === "move") {
      this.move(d.id, d.boxX + x - d.x, d.boxY + y - d.y, gesture);
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
    const id = (e.target as HTMLElement).closest<HTMLElement>(".marker-box")?.dataset["id"];
    const track = this.plan.tracks.find((t) => t.id === id);
    const arrow = arrows[e.key];
    if (track && arrow && !e.altKey && !e.ctrlKey && !e.metaKey) {
      const pace = Math.max(1, Math.round(this.picture.width / 160));
      const [dx, dy] = arrow;
      const place = at(track, this.time);
      if (e.shiftKey) this.act.resize(track.id, track.w + dx * pace, track.h + dy * pace, `key size ${track.id}`);
      else if (place) this.move(track.id, place.x + dx * pace, place.y + dy * pace, `key move ${track.id} ${this.time}`);
    } else if (track && (e.key === "Delete" || e.key === "Backspace")) {
      this.act.remove(track.id);
    } else {
      this.act.key(e);
      return;
    }
    e.preventDefault();
  }
}
