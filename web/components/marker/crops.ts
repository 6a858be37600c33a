// Small pictures of what is suggested, cut out of the film or photo itself. A
// film of its own is wound for them, so that the one on the stage stays where it
// is; one at a time, and only what still stands on the page.

import type { Picture } from "./plan.js";

interface Wish {
  canvas: HTMLCanvasElement;
  t: number;
  x: number;
  y: number;
  w: number;
  h: number;
}

export class Crops {
  private readonly film: HTMLVideoElement | null = null;
  private sheet: { page: number; image: HTMLImageElement } | null = null; // the page of a document that was cut from last
  private wishes: Wish[] = [];
  private busy = false;

  constructor(private readonly source: HTMLVideoElement | HTMLImageElement, private readonly picture: Picture) {
    if (source instanceof HTMLVideoElement) {
      this.film = document.createElement("video");
      this.film.muted = true;
      this.film.preload = "auto";
      this.film.src = source.currentSrc || source.src;
    }
  }

  /** Draws a place of the picture at a moment, with some of what is around it. */
  draw(wish: Wish): void {
    this.wishes.push(wish);
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    for (let wish = this.wishes.shift(); wish; wish = this.wishes.shift()) {
      if (!wish.canvas.isConnected) continue;
      const picture = await this.at(wish.t);
      if (picture) this.cut(wish, picture);
    }
    this.busy = false;
  }

  // The picture at a moment; null when the browser cannot show it.
  private async at(t: number): Promise<CanvasImageSource | null> {
    const film = this.film;
    if (!film) return this.picture.pages ? this.page(t) : this.source;
    return new Promise((done) => {
      const over = new AbortController();
      const end = (picture: CanvasImageSource | null): void => {
        over.abort();
        clearTimeout(late);
        done(picture);
      };
      const late = setTimeout(() => end(null), 10_000);
      film.addEventListener("seeked", () => end(film), { signal: over.signal });
      film.addEventListener("error", () => end(null), { signal: over.signal });
      film.currentTime = t / 1000;
    });
  }

  private async page(n: number): Promise<CanvasImageSource | null> {
    if (this.sheet?.page === n) return this.sheet.image;
    const image = new Image();
    image.src = `${this.picture.view}${n}`;
    try {
      await image.decode();
    } catch {
      return null;
    }
    this.sheet = { page: n, image };
    return image;
  }

  private cut(wish: Wish, from: CanvasImageSource): void {
    const context = wish.canvas.getContext("2d");
    if (!context) return;
    const [real, high] = from instanceof HTMLVideoElement ? [from.videoWidth, from.videoHeight] : from instanceof HTMLImageElement ? [from.naturalWidth, from.naturalHeight] : [0, 0];
    if (real === 0) return;
    const page = this.picture.pages?.[wish.t - 1];
    const [sx, sy] = [real / (page?.w ?? this.picture.width), high / (page?.h ?? this.picture.height)];
    // Twice the size around it, so that a person sees what it belongs to.
    const side = Math.max(wish.w, wish.h) * 2;
    const [x, y] = [wish.x + wish.w / 2 - side / 2, wish.y + wish.h / 2 - side / 2];
    const scale = wish.canvas.width / side;
    context.fillStyle = "#000";
    context.fillRect(0, 0, wish.canvas.width, wish.canvas.height);
    context.drawImage(from, x * sx, y * sy, side * sx, side * sy, 0, 0, wish.canvas.width, wish.canvas.height);
    context.strokeStyle = "#fff";
    context.lineWidth = 2;
    context.strokeRect((wish.x - x) * scale, (wish.y - y) * scale, wish.w * scale, wish.h * scale);
  }
}
