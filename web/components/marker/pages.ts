// The pages of a document: one is shown at a time, in its own shape, and no box
// can be drawn before the picture of its page is there.

import { clamp } from "./clock.js";
import { must, type Words } from "./dom.js";
import type { Picture, Plan, Track } from "./plan.js";

/** Gives the picture its own shape, so that boxes lie where the renderer puts them. */
export function fit(root: HTMLElement, { width, height }: Picture): void {
  const place = root.querySelector<HTMLElement>(".marker-fit");
  if (!place) return;
  place.style.aspectRatio = `${width} / ${height}`;
  place.style.maxWidth = `calc(72vh * ${width / height})`;
}

export interface PagesEvents {
  /** Another page is shown; its picture is still on its way. */
  turned(): void;
  /** The picture of a page is before the person. */
  seen(page: number): void;
}

export class Pages {
  /** The page that is shown, from 1. */
  page = 1;
  private readonly count: number;
  private image: HTMLImageElement;
  private readonly field: HTMLInputElement;
  private readonly text: HTMLElement;

  constructor(private readonly root: HTMLElement, private readonly picture: Picture, private readonly words: Words, private readonly on: PagesEvents) {
    this.count = picture.pages?.length ?? 1;
    this.image = must<HTMLImageElement>(root, ".marker-fit img");
    this.field = must<HTMLInputElement>(root, ".marker-page");
    this.text = must(root, ".marker-page-text");
    this.field.addEventListener("change", () => this.turn(Math.round(Number(this.field.value)) || this.page));
    document.addEventListener("visibilitychange", () => this.look());
    root.classList.add("marker-turning");
    this.listen(this.image);
    if (this.image.complete && this.image.naturalWidth > 0) this.arrived(this.image);
  }

  /** The picture of the page is on its way. */
  get turning(): boolean {
    return this.root.classList.contains("marker-turning");
  }

  /** Shows another page, the nearest that there is. */
  turn(n: number): void {
    const page = clamp(n, 1, this.count);
    this.field.value = String(page);
    const size = this.picture.pages?.[page - 1];
    if (!size) return;
    if (page === this.page) return this.look();
    this.page = page;
    [this.picture.width, this.picture.height] = [size.w, size.h];
    this.root.classList.add("marker-turning");
    must(this.root, ".marker-unplayable").hidden = true;
    fit(this.root, this.picture);
    // An element for each page: what the browser still has to say of the page
    // before is said of that page's element, and nobody takes it for this one's.
    const image = this.image.cloneNode(false) as HTMLImageElement;
    image.src = `${this.picture.view}${page}`;
    this.image.replaceWith(image);
    this.image = image;
    this.listen(image);
    this.on.turned();
  }

  /** Says which page it is, and whether readers see anything of it. */
  show(plan: Plan): void {
    const hidden = plan.covered && !plan.tracks.some((t) => t.reveal && t.from === this.page);
    const said = `${this.words.say("pageOf", this.page, this.count)}${hidden ? ` · ${this.words.say("pageHidden")}` : ""}`;
    if (this.text.textContent !== said) this.text.textContent = said;
    must<HTMLButtonElement>(this.root, '[data-do="page-back"]').disabled = this.page === 1;
    must<HTMLButtonElement>(this.root, '[data-do="page-forward"]').disabled = this.page === this.count;
  }

  private listen(image: HTMLImageElement): void {
    image.addEventListener("load", () => this.arrived(image));
  }

  // The next page is asked for ahead: the desk keeps its picture for a while.
  private arrived(image: HTMLImageElement): void {
    if (image !== this.image) return;
    this.root.classList.remove("marker-turning");
    this.look();
    if (this.page < this.count) new Image().src = `${this.picture.view}${this.page + 1}`;
  }

  // A page is before the person when its picture is there and the window is seen.
  private look(): void {
    if (!this.turning && document.visibilityState === "visible") this.on.seen(this.page);
  }
}

/** The page on which two states of the marks differ; 0 for none. */
export function changedPage(before: Track[], now: Track[]): number {
  const old = new Map(before.map((t) => [t.id, t]));
  const kept = new Map(now.map((t) => [t.id, t]));
  return (now.find((t) => old.get(t.id) !== t) ?? before.find((t) => !kept.has(t.id)))?.from ?? 0;
}
