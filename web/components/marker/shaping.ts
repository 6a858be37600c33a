// Drawing a free shape, corner by corner.

import type { Corner, Picture } from "./plan.js";

export interface ShapingActions {
  shown(corners: Corner[]): void;
  done(corners: Corner[]): void;
}

export class Shaping {
  on = false;
  private corners: Corner[] = [];

  constructor(private readonly picture: Picture, private readonly act: ShapingActions) {}

  start(): void {
    this.on = true;
    this.corners = [];
    this.act.shown([]);
  }

  /** Sets a corner; near the first one the shape closes. */
  add(x: number, y: number): void {
    const first = this.corners[0];
    const near = Math.max(8, Math.max(this.picture.width, this.picture.height) / 50);
    if (first && this.corners.length >= 3 && Math.hypot(first.x - x, first.y - y) <= near) {
      this.close();
      return;
    }
    if (this.corners.length < 200) this.corners = [...this.corners, { x: Math.round(x), y: Math.round(y) }];
    this.act.shown(this.corners);
  }

  /** Takes the last corner back; without corners it ends. */
  back(): void {
    if (this.corners.length === 0) this.stop();
    else this.act.shown((this.corners = this.corners.slice(0, -1)));
  }

  close(): void {
    const corners = this.corners;
    this.stop();
    if (corners.length >= 3) this.act.done(corners);
  }

  stop(): void {
    this.on = false;
    this.corners = [];
    this.act.shown([]);
  }
}
