// The page where a volunteer marks what is covered and muted in one original.
// The server's form of plain numbers stays in the page for a browser without
// scripts; this hides it and takes its place.

import { must, Words } from "./dom.js";
import { History } from "./history.js";
import { Panel } from "./panel.js";
import {
  at, clamp, clock, dropPoint, moveTo, mute, newTrack, resize, retime, sameFrame, step, unmute, withTrack,
  type Picture, type Plan, type Track,
} from "./plan.js";
import { poster, Saver, type SaveState } from "./save.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

export class Marker {
  private readonly history: History;
  private readonly stage: Stage;
  private readonly timeline: Timeline | null = null;
  private readonly panel: Panel;
  private readonly saver: Saver;
  private readonly words: Words;
  private readonly picture: Picture;
  private readonly film: HTMLVideoElement | null;
  private time = 0;
  private selected = "";
  private muteFrom: number | null = null;

  constructor(private readonly root: HTMLElement) {
    const data = root.dataset;
    this.words = new Words(data["words"] ?? "{}");
    this.picture = JSON.parse(data["picture"] ?? "{}") as Picture;
    this.history = new History(JSON.parse(data["plan"] ?? "{}") as Plan);
    this.film = root.querySelector("video");
    this.fit();
    this.saver = new Saver(poster(data["save"] ?? "", data["token"] ?? ""), Number(data["version"]), (s, m) => this.tell(s, m));
    this.stage = new Stage(must(root, ".marker-layer"), this.picture, this.words, {
      draw: (box) => this.draw(box),
      move: (id, x, y, gesture) => this.onTrack(id, (t) => moveTo(t, this.moment(), x, y, this.near()), gesture),
      resize: (id, w, h, gesture) => this.onTrack(id, (t) => resize(t, w, h, this.picture), gesture),
      rest: () => this.history.rest(),
      select: (id) => this.select(id),
      remove: (id) => this.remove(id),
      key: (e) => this.key(e),
    });
    this.panel = new Panel(must(root, ".marker-list"), root.querySelector(".marker-mutes"), this.picture, this.words, {
      select: (id) => this.select(id),
      seek: (t) => this.seek(t),
      change: (track) => this.onTrack(track.id, () => track),
      place: (id, x, y) => this.onTrack(id, (t) => moveTo(t, this.moment(), x, y, this.near())),
      size: (id, w, h) => this.onTrack(id, (t) => resize(t, w, h, this.picture)),
      remove: (id) => this.remove(id),
      drop: (id, t) => this.onTrack(id, (track) => dropPoint(track, t)),
      time: (id, from, to) => this.onTrack(id, (t) => retime(t, from, to, this.picture)),
      unmute: (n) => this.change(unmute(this.plan, n)),
    });
    if (this.film) {
      this.timeline = new Timeline(must(root, ".marker-time"), this.picture, this.words, {
        seek: (t) => this.seek(t),
        select: (id) => this.select(id),
        mute: (from, to) => this.change(mute(this.plan, from, to, this.picture)),
      });
      this.watch(this.film);
    }
    this.wire();
    this.draws();
  }

  /** Begins to compare what the browser shows with what the renderer sees. */
  begin(): void {
    this.root.hidden = false;
    this.compare();
  }

  // Gives the picture its own shape, so that boxes lie where the renderer puts them.
  private fit(): void {
    const { width, height } = this.picture;
    const fit = must(this.root, ".marker-fit");
    fit.style.aspectRatio = `${width} / ${height}`;
    fit.style.maxWidth = `calc(72vh * ${width / height})`;
  }

  // A browser that turns or stretches the picture otherwise than the renderer
  // would put every box elsewhere: then nothing can be drawn here.
  private compare(): void {
    const check = (width: number, height: number): void => {
      if (width === 0 || height === 0) return;
      const off = Math.abs(width / height / (this.picture.width / this.picture.height) - 1) > 0.02;
      must(this.root, ".marker-mismatch").hidden = !off;
      must(this.root, ".marker-layer").hidden = off;
      const plain = document.querySelector<HTMLElement>(".marker-plain");
      if (off && plain) plain.hidden = false;
    };
    const film = this.film;
    const photo = this.root.querySelector("img");
    if (film) {
      const look = (): void => check(film.videoWidth, film.videoHeight);
      film.addEventListener("loadedmetadata", look);
      look();
    } else if (photo) {
      const look = (): void => check(photo.naturalWidth, photo.naturalHeight);
      photo.addEventListener("load", look);
      look();
    }
  }

  private get plan(): Plan {
    return this.history.now;
  }

  // The moment that a change is for: a photo has only one.
  private moment(): number {
    return this.film ? Math.round(this.time) : 0;
  }

  private near(): number {
    return sameFrame(this.picture);
  }

  private change(plan: Plan, gesture = ""): void {
    if (plan === this.plan) return;
    // What was looked through was another plan: a person looks again.
    this.history.change(plan.reviewed && this.plan.reviewed ? { ...plan, reviewed: false } : plan, gesture);
    this.saver.touch(JSON.stringify(this.plan));
    this.draws();
  }

  private onTrack(id: string, change: (t: Track) => Track, gesture = ""): void {
    const track = this.plan.tracks.find((t) => t.id === id);
    if (track) this.change(withTrack(this.plan, id, change(track)), gesture);
  }

  private draw(box: { x: number; y: number; w: number; h: number }): void {
    const track = newTrack(this.plan, box, this.moment(), this.picture);
    this.selected = track.id;
    this.change(withTrack(this.plan, track.id, track));
    this.stage.focus(track.id);
  }

  private remove(id: string): void {
    if (this.selected === id) this.selected = "";
    this.change(withTrack(this.plan, id, null));
    this.say(this.words.say("removed"));
    must(this.root, ".marker-layer").focus({ preventScroll: true });
  }

  private select(id: string): void {
    if (id === this.selected) return;
    this.selected = id;
    this.draws();
  }

  private draws(): void {
    this.stage.show(this.plan, this.moment(), this.selected);
    this.panel.show(this.plan, this.selected, this.moment());
    this.timeline?.show(this.plan, this.selected);
    this.tick();
    this.disable("undo", !this.history.canUndo);
    this.disable("redo", !this.history.canRedo);
    const all = this.root.querySelector<HTMLInputElement>(".marker-mute-all");
    if (all) all.checked = this.plan.muteAll;
    must<HTMLInputElement>(this.root, ".marker-reviewed").checked = this.plan.reviewed;
    this.root.classList.toggle("marker-all-muted", this.plan.muteAll);
    this.silence();
  }

  // What changes with every frame, and nothing more.
  private tick(): void {
    this.stage.show(this.plan, this.moment(), this.selected);
    this.timeline?.tick(this.time);
    const now = this.root.querySelector(".marker-now");
    if (now) now.textContent = `${clock(this.time)} / ${clock(this.picture.length)}`;
  }

  // Plays what readers would hear.
  private silence(): void {
    if (!this.film) return;
    const preview = this.root.classList.contains("marker-preview");
    const t = this.moment();
    this.film.muted = preview && (this.plan.muteAll || this.plan.mutes.some((m) => t >= m.from && t <= m.to));
  }

  private watch(film: HTMLVideoElement): void {
    const at = (seconds: number): void => {
      this.time = clamp(seconds * 1000, 0, this.picture.length);
      this.tick();
      this.silence();
    };
    // Older browsers know only coarse times.
    if (typeof HTMLVideoElement.prototype.requestVideoFrameCallback === "function") {
      const frame: VideoFrameRequestCallback = (_, shown) => {
        at(shown.mediaTime);
        film.requestVideoFrameCallback(frame);
      };
      film.requestVideoFrameCallback(frame);
    } else {
      film.addEventListener("timeupdate", () => at(film.currentTime));
    }
    film.addEventListener("seeked", () => {
      if (film.paused) this.panel.show(this.plan, this.selected, this.moment());
    });
    film.addEventListener("pause", () => {
      at(film.currentTime);
      this.panel.show(this.plan, this.selected, this.moment());
      this.playing(false);
    });
    film.addEventListener("play", () => this.playing(true));
    film.addEventListener("error", () => {
      must(this.root, ".marker-unplayable").hidden = false;
    });
    if (film.error) must(this.root, ".marker-unplayable").hidden = false;
  }

  private playing(yes: boolean): void {
    must(this.root, '[data-do="play"]').textContent = this.words.say(yes ? "pause" : "play");
  }

  private seek(t: number): void {
    if (!this.film) return;
    this.time = clamp(t, 0, this.picture.length);
    this.film.currentTime = this.time / 1000;
    this.tick();
  }

  private readonly deeds: Record<string, () => void> = {
    play: () => {
      if (!this.film) return;
      if (this.film.paused) void this.film.play().catch(() => (must(this.root, ".marker-unplayable").hidden = false));
      else this.film.pause();
    },
    back: () => this.frames(-1),
    forward: () => this.frames(1),
    "back-second": () => this.seek(this.time - 1000),
    "forward-second": () => this.seek(this.time + 1000),
    add: () => this.addInMiddle(),
    point: () => this.point(),
    undo: () => this.again(this.history.undo()),
    redo: () => this.again(this.history.redo()),
    "mute-from": () => this.muteStart(),
    "mute-to": () => this.muteEnd(),
    preview: () => {
      const on = this.root.classList.toggle("marker-preview");
      must(this.root, '[data-do="preview"]').setAttribute("aria-pressed", String(on));
      this.silence();
    },
    overwrite: () => this.saver.overwrite(),
    retry: () => void this.saver.flush(),
  };

  private wire(): void {
    this.root.addEventListener("click", (e) => {
      const name = (e.target as HTMLElement).closest<HTMLElement>("[data-do]")?.dataset["do"];
      if (name) this.deeds[name]?.();
    });
    const all = this.root.querySelector<HTMLInputElement>(".marker-mute-all");
    all?.addEventListener("change", () => this.change({ ...this.plan, muteAll: all.checked }));
    const reviewed = must<HTMLInputElement>(this.root, ".marker-reviewed");
    reviewed.addEventListener("change", () => this.change({ ...this.plan, reviewed: reviewed.checked }));
    this.root.addEventListener("keydown", (e) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z" && !(e.target instanceof HTMLInputElement && e.target.type !== "range")) {
        this.deeds[e.shiftKey ? "redo" : "undo"]!();
        e.preventDefault();
      }
    });
    addEventListener("beforeunload", (e) => {
      if (this.saver.dirty) e.preventDefault();
    });
  }

  // Keys on the stage that no box has taken.
  private key(e: KeyboardEvent): void {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const deed: Record<string, string> = { " ": "play", ",": "back", ".": "forward", n: "add", k: "point", p: "preview" };
    const name = deed[e.key];
    if (!name || (e.key === " " && (e.target as HTMLElement).classList.contains("marker-box"))) return;
    e.preventDefault();
    this.deeds[name]!();
  }

  private frames(n: number): void {
    this.film?.pause();
    this.seek(step(this.time, n, this.picture));
  }

  private addInMiddle(): void {
    this.film?.pause();
    const { width, height } = this.picture;
    const w = Math.round(width / 6);
    const h = Math.round(height / 6);
    this.draw({ x: (width - w) / 2, y: (height - h) / 2, w, h });
  }

  // Fixes the selected track where it is now, so that it bends here.
  private point(): void {
    this.onTrack(this.selected, (track) => {
      const place = at(track, this.moment());
      return place ? moveTo(track, this.moment(), place.x, place.y, this.near()) : track;
    });
  }

  private again(changed: boolean): void {
    if (!changed) return;
    if (!this.plan.tracks.some((t) => t.id === this.selected)) this.selected = "";
    this.saver.touch(JSON.stringify(this.plan));
    this.draws();
  }

  private muteStart(): void {
    this.muteFrom = this.moment();
    this.say(this.words.say("muteStarted", clock(this.muteFrom)));
  }

  private muteEnd(): void {
    this.change(mute(this.plan, this.muteFrom ?? 0, this.moment(), this.picture));
    this.muteFrom = null;
    this.say("");
  }

  private disable(deed: string, off: boolean): void {
    must<HTMLButtonElement>(this.root, `[data-do="${deed}"]`).disabled = off;
  }

  private say(text: string): void {
    must(this.root, ".marker-say").textContent = text;
  }

  private tell(state: SaveState, message: string): void {
    const line = must(this.root, ".marker-save");
    line.dataset["state"] = state;
    must(line, ".marker-save-text").textContent = [this.words.say("save." + state), message].filter(Boolean).join(" ");
    must(line, '[data-do="overwrite"]').hidden = state !== "conflict";
    must(line, ".marker-reload").hidden = state !== "conflict" && state !== "locked";
    must(line, '[data-do="retry"]').hidden = state !== "offline" && state !== "refused";
  }
}

/** Starts the marker of the page, if it has one. */
export function start(): void {
  const root = document.querySelector<HTMLElement>(".marker");
  if (!root) return;
  const plain = document.querySelector<HTMLElement>(".marker-plain");
  const marker = new Marker(root);
  if (plain) plain.hidden = true;
  marker.begin();
}

start();
