// What readers will not see, drawn over the picture. The same shade is solid in
// the preview and lets the picture through while one works: a class says which.

import type { Picture, Plan, Track } from "./plan.js";
import { shownAt } from "./shots.js";
import { cornersAt, held } from "./track.js";

// Wider than this nobody sees a difference.
const widest = 1280;

export class Shade {
  private readonly context: CanvasRenderingContext2D | null;
  private scale = 1;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly picture: Picture) {
    this.sized();
    this.context = canvas.getContext("2d");
  }

  /** Takes the size of the picture as it is now. */
  sized(): void {
    this.scale = Math.min(1, widest / this.picture.width);
    this.canvas.width = Math.max(1, Math.round(this.picture.width * this.scale));
    this.canvas.height = Math.max(1, Math.round(this.picture.height * this.scale));
  }

  /** Draws what is hidden at a moment. */
  show(plan: Plan, t: number): void {
    const c = this.context;
    if (!c) return;
    const shown = shownAt(plan, t);
    c.globalCompositeOperation = "source-over";
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.fillStyle = "#000";
    if (shown.hidden) {
      c.fillRect(0, 0, this.canvas.width, this.canvas.height);
      c.globalCompositeOperation = "destination-out";
      for (const track of shown.reveals) this.reveal(c, track, t);
      c.globalCompositeOperation = "source-over";
    }
    for (const track of shown.covers) this.fill(c, track, t);
  }

  // A film's frame shows what is revealed for all of the time that it stands.
  private reveal(c: CanvasRenderingContext2D, track: Track, t: number): void {
    if (this.picture.length === 0) {
      this.fill(c, track, t);
      return;
    }
    const frame = 1000 / (this.picture.rate > 0 ? this.picture.rate : 25);
    const began = Math.floor(t / frame + 1e-6) * frame;
    const end = Math.min(began + frame, this.picture.length - 1);
    const box = held(track, Math.ceil(Math.min(began, end)), Math.floor(Math.max(began, end)));
    if (box) c.fillRect(box.x * this.scale, box.y * this.scale, box.w * this.scale, box.h * this.scale);
  }

  private fill(c: CanvasRenderingContext2D, track: Track, t: number): void {
    const corners = cornersAt(track, t);
    if (!corners) return;
    c.beginPath();
    for (const p of corners) c.lineTo(p.x * this.scale, p.y * this.scale);
    c.closePath();
    c.fill();
  }
}
