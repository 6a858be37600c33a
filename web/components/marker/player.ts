// The film or sound on the page: where it is, playing, stepping.

import { clamp, step } from "./clock.js";
import type { Picture } from "./plan.js";

export interface PlayerEvents {
  /** The moment has changed: at every frame while it plays. */
  tick(t: number): void;
  /** It stands still at a moment. */
  still(): void;
  playing(yes: boolean): void;
  unplayable(): void;
}

export class Player {
  time = 0;

  constructor(readonly medium: HTMLMediaElement, private readonly picture: Picture, private readonly on: PlayerEvents) {
    const at = (seconds: number): void => {
      this.time = clamp(seconds * 1000, 0, picture.length);
      on.tick(this.time);
    };
    // Older browsers know only coarse times.
    if (medium instanceof HTMLVideoElement && typeof medium.requestVideoFrameCallback === "function") {
      const frame: VideoFrameRequestCallback = (_, shown) => {
        at(shown.mediaTime);
        medium.requestVideoFrameCallback(frame);
      };
      medium.requestVideoFrameCallback(frame);
    } else {
      medium.addEventListener("timeupdate", () => at(medium.currentTime));
    }
    medium.addEventListener("seeked", () => medium.paused && on.still());
    medium.addEventListener("pause", () => {
      at(medium.currentTime);
      on.still();
      on.playing(false);
    });
    medium.addEventListener("play", () => on.playing(true));
    // Of a film whose picture it does not know a browser plays the sound alone.
    const blind = (): boolean => medium instanceof HTMLVideoElement && medium.readyState > 0 && medium.videoWidth === 0;
    medium.addEventListener("loadedmetadata", () => blind() && on.unplayable());
    medium.addEventListener("error", () => on.unplayable());
    if (medium.error || blind()) on.unplayable();
  }

  get moment(): number {
    return Math.round(this.time);
  }

  seek(t: number): void {
    this.time = clamp(t, 0, this.picture.length);
    this.medium.currentTime = this.time / 1000;
    this.on.tick(this.time);
  }

  toggle(): void {
    if (this.medium.paused) void this.medium.play().catch(() => this.on.unplayable());
    else this.medium.pause();
  }

  pause(): void {
    this.medium.pause();
  }

  frames(n: number): void {
    this.medium.pause();
    this.seek(step(this.time, n, this.picture));
  }
}
