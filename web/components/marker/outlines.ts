// What lies on the picture beside the boxes: outlines of free shapes with a
// handle at every corner, a shape that is not closed yet, and the hints: a way
// that is offered and a thing that is suggested.

import { el, type Words } from "./dom.js";
import type { Corner, Picture, Plan, Track } from "./plan.js";
import { at, cornersAt } from "./track.js";

const svg = "http://www.w3.org/2000/svg";

export class Outlines {
  private readonly drawing = document.createElementNS(svg, "svg");
  private readonly open = document.createElementNS(svg, "polyline");
  private readonly closed = document.createElementNS(svg, "g");
  private readonly handles = new Map<string, HTMLButtonElement>();
  private readonly offered = el("div", { class: "marker-offer", hidden: true });
  private readonly suggested = el("div", { class: "marker-suggested", hidden: true });

  constructor(private readonly layer: HTMLElement, private readonly picture: Picture, private readonly words: Words) {
    this.drawing.setAttribute("class", "marker-outlines");
    this.sized();
    this.drawing.setAttribute("preserveAspectRatio", "none");
    this.drawing.setAttribute("aria-hidden", "true");
    this.open.setAttribute("class", "marker-open");
    this.drawing.append(this.closed, this.open);
    layer.append(this.drawing, this.offered, this.suggested);
  }

  /** Takes the size of the picture as it is now. */
  sized(): void {
    this.drawing.setAttribute("viewBox", `0 0 ${this.picture.width} ${this.picture.height}`);
  }

  /** Puts an element over a place in the picture. */
  lay(node: HTMLElement, x: number, y: number, w: number, h: number): void {
    node.style.left = `${(x / this.picture.width) * 100}%`;
    node.style.top = `${(y / this.picture.height) * 100}%`;
    node.style.width = `${(w / this.picture.width) * 100}%`;
    node.style.height = `${(h / this.picture.height) * 100}%`;
  }

  /** Draws the free shapes, and handles on the corners of the selected one. */
  shapes(plan: Plan, t: number, selected: string): void {
    const wanted = new Set<string>();
    const outlines: Element[] = [];
    plan.tracks.forEach((track, n) => {
      const corners = track.corners.length > 0 ? cornersAt(track, t) : null;
      if (!corners) return;
      const outline = document.createElementNS(svg, "polygon");
      outline.setAttribute("points", corners.map((c) => `${c.x},${c.y}`).join(" "));
      outline.setAttribute("class", `marker-colour-${n % 8}${track.reveal ? " marker-reveal" : ""}`);
      outlines.push(outline);
      if (track.id === selected) corners.forEach((c, i) => wanted.add(this.handle(track, i, c)));
    });
    this.closed.replaceChildren(...outlines);
    for (const [key, handle] of this.handles) {
      if (wanted.has(key)) continue;
      handle.remove();
      this.handles.delete(key);
    }
  }

  private handle(track: Track, n: number, c: Corner): string {
    const key = `${track.id} ${n}`;
    let handle = this.handles.get(key);
    if (!handle) {
      handle = el("button", { type: "button", class: "marker-corner", "data-id": track.id, "data-n": n });
      this.handles.set(key, handle);
      this.layer.append(handle);
    }
    handle.setAttribute("aria-label", this.words.say("corner", n + 1, c.x, c.y));
    handle.style.left = `${(c.x / this.picture.width) * 100}%`;
    handle.style.top = `${(c.y / this.picture.height) * 100}%`;
    return key;
  }

  unfinished(corners: Corner[]): void {
    const first = corners[0];
    // One corner alone is drawn as a spot.
    const shown = corners.length === 1 && first ? [first, { x: first.x + 1, y: first.y + 1 }] : corners;
    this.open.setAttribute("points", shown.map((c) => `${c.x},${c.y}`).join(" "));
  }

  hints(offer: Track | null, suggested: Track | null, t: number): void {
    for (const [node, track] of [[this.offered, offer], [this.suggested, suggested]] as const) {
      const place = track && at(track, t);
      node.hidden = !place;
      if (track && place) this.lay(node, place.x, place.y, track.w, track.h);
    }
  }
}
