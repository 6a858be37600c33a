// The page where a volunteer marks what is hidden in one original and what is
// heard of it. The server's form of plain numbers stays in the page for a
// browser without scripts; this hides it and takes its place.

import { cover, followed, leave, margin, reopen } from "./answers.js";
import { clock, sameFrame } from "./clock.js";
import { Crops } from "./crops.js";
import { Desk } from "./desk.js";
import { must, Words } from "./dom.js";
import { Help } from "./help.js";
import { between, keyName, keys, typing } from "./keys.js";
import { Machine } from "./machine.js";
import { changedPage, Pages } from "./pages.js";
import { Panel } from "./panel.js";
import { withTrack, type Picture, type Plan, type Track, type Wire } from "./plan.js";
import { Player } from "./player.js";
import { Questions, type Question } from "./questions.js";
import { SaveLine } from "./saveline.js";
import { Shaping } from "./shaping.js";
import { ShotBar } from "./shotbar.js";
import { begin, hiddenAt, join, split, turn } from "./shots.js";
import { Sound } from "./soundwork.js";
import { Stage } from "./stage.js";
import { Suggested } from "./suggested.js";
import { Timeline } from "./timeline.js";
import { at, dropPoint, moveTo, newShape, newTrack, resize, retime, shape, cornersAt, wholeShot, widen } from "./track.js";
import { Work } from "./work.js";

type Deeds = Record<string, () => void>;

export class Marker {
  private readonly words: Words;
  private readonly person: string;
  private readonly work: Work;
  private readonly stage: Stage | null = null;
  private readonly player: Player | null = null;
  private readonly pages: Pages | null = null;
  private readonly timeline: Timeline | null = null;
  private readonly shots: ShotBar | null = null;
  private readonly sound: Sound | null = null;
  private readonly panel: Panel | null = null;
  private readonly suggested: Suggested | null = null;
  private readonly machine: Machine;
  private readonly questions: Questions;
  private readonly shaping: Shaping;
  private selected = "";
  private asked: Question[] = [];
  private kind: "" | "cover" | "reveal" = ""; // of new boxes; "" goes by what is shown
  private drawing = 0;

  constructor(private readonly root: HTMLElement, private readonly picture: Picture) {
    const data = root.dataset;
    this.words = new Words(data["words"] ?? "{}");
    this.person = data["person"] ?? "";
    const desk = new Desk(data["base"] ?? "", data["token"] ?? "");
    const line = new SaveLine(must(root, ".marker-save"), this.words);
    const wire = JSON.parse(data["plan"] ?? "{}") as Wire;
    this.work = new Work(wire, Number(data["version"]), { url: data["save"] ?? "", token: data["token"] ?? "" }, desk, this.picture, {
      changed: (gesture) => this.changed(gesture),
      asked: (questions) => this.ask(questions),
      saving: (state, message) => line.tell(state, message),
    });
    this.shaping = new Shaping(this.picture, {
      shown: (corners) => {
        if (this.stage) this.stage.shaping = this.shaping.on;
        this.stage?.unfinished(corners);
        root.classList.toggle("marker-shaping", this.shaping.on);
      },
      done: (corners) => {
        const track = newShape(this.plan, corners, this.moment(), this.picture, this.reveals());
        if (track) this.add(track);
      },
    });
    this.machine = new Machine(root, desk, this.words, {
      looked: () => void this.work.catchUp(),
      offer: () => this.tick(),
      take: (found) => this.onTrack(found.id, (t) => followed(t, found)),
      say: (text) => this.say(text),
    });
    this.questions = new Questions(must(root, ".marker-questions"), must(root, ".marker-questions-count"), this.picture.length > 0, this.words, {
      look: (q) => this.answer(q),
      seen: (id, end) => this.onTrack(id, (t) => (end === "start" ? { ...t, startSeen: true } : { ...t, endSeen: true })),
      why: (note) => this.work.change({ ...this.plan, note }),
      number: (id) => this.plan.tracks.findIndex((t) => t.id === id) + 1,
    });
    const seen = root.querySelector<HTMLElement>(".marker-layer");
    const medium = root.querySelector<HTMLMediaElement>("video, audio");
    if (medium) this.player = this.playerOf(medium);
    if (seen) {
      this.stage = this.stageOf(seen);
      this.panel = this.panelOf();
      if (this.picture.pages) this.pages = new Pages(root, this.picture, this.words, { turned: () => this.turned(), seen: (page) => void this.seen(desk, page) });
      const source = root.querySelector<HTMLVideoElement | HTMLImageElement>(".marker-fit video, .marker-fit img");
      this.suggested = this.suggestedOf(source && new Crops(source, this.picture));
    }
    if (this.player) {
      const player = this.player;
      this.sound = new Sound(root, this.words, this.picture, { plan: () => this.plan, change: (plan) => this.work.change(plan), moment: () => player.moment, seek: (t) => player.seek(t), say: (text) => this.say(text) });
      this.timeline = new Timeline(must(root, ".marker-time"), this.picture, this.words, {
        seek: (t) => player.seek(t),
        select: (id) => this.select(id),
        stretch: (from, to) => this.sound?.stretch(from, to),
      });
      const bar = root.querySelector<HTMLElement>(".marker-shotbar");
      if (bar) this.shots = this.shotsOf(bar);
    }
    new Help(must(root, ".marker-help"));
    this.wire();
    this.ask(JSON.parse(data["questions"] ?? "[]") as Question[]);
    this.changed("");
  }

  get plan(): Plan {
    return this.work.plan;
  }

  private stageOf(layer: HTMLElement): Stage {
    return new Stage(layer, must<HTMLCanvasElement>(this.root, ".marker-shade"), this.picture, this.words, {
      draw: (box) => this.pages?.turning || this.add(newTrack(this.plan, box, this.moment(), this.picture, this.reveals())),
      move: (id, x, y, gesture) => this.onTrack(id, (t) => moveTo(t, this.moment(), x, y, sameFrame(this.picture)), gesture),
      resize: (id, w, h, gesture) => this.onTrack(id, (t) => resize(t, w, h, this.picture), gesture),
      rest: () => this.work.rest(),
      select: (id) => this.select(id),
      remove: (id) => this.remove(id),
      corner: (x, y) => this.shaping.add(x, y),
      bend: (id, n, x, y, gesture) => this.bend(id, n, x, y, gesture),
      key: (e) => this.key(e),
    });
  }

  private panelOf(): Panel {
    return new Panel(must(this.root, ".marker-list"), this.picture, this.words, {
      select: (id) => this.select(id),
      seek: (t) => this.player?.seek(t),
      change: (track) => this.onTrack(track.id, () => track),
      place: (id, x, y) => this.onTrack(id, (t) => moveTo(t, this.moment(), x, y, sameFrame(this.picture))),
      size: (id, w, h) => this.onTrack(id, (t) => resize(t, w, h, this.picture)),
      remove: (id) => this.remove(id),
      drop: (id, t) => this.onTrack(id, (track) => dropPoint(track, t)),
      time: (id, from, to) => this.onTrack(id, (t) => retime(t, from, to, this.picture)),
      wholeShot: (id) => this.onTrack(id, (t) => wholeShot(t, this.plan, this.moment(), this.picture)),
      widen: (id) => this.onTrack(id, (t) => widen(t, margin, this.picture)),
      follow: (id) => this.follow(id),
      bend: (id, n, x, y) => this.bend(id, n, x, y),
      addCorner: (id, n) => this.corners(id, (all) => (n < 0 ? all : [...all.slice(0, n + 1), between(all[n]!, all[(n + 1) % all.length]!), ...all.slice(n + 1)])),
      dropCorner: (id, n) => this.corners(id, (all) => (all.length > 3 ? all.filter((_, i) => i !== n) : all)),
    });
  }

  private suggestedOf(crops: Crops | null): Suggested {
    return new Suggested(must(this.root, ".marker-suggest"), this.words, this.picture, crops, {
      seek: (t) => this.seek(t),
      choose: () => this.tick(),
      cover: (id) => void this.cover(id),
      follow: (id) => {
        const track = this.cover(id);
        if (track) void this.machine.follow(track, this.moment());
      },
      leave: (id, why) => this.leave(id, why),
      reopen: (id) => this.work.change(reopen(this.plan, id)),
    });
  }

  private shotsOf(bar: HTMLElement): ShotBar {
    return new ShotBar(bar, this.words, {
      seek: (t) => this.player?.seek(t),
      turn: (id) => this.work.change(turn(this.plan, id, this.person)),
      split: () => this.work.change(split(this.plan, this.moment(), this.picture.length, this.person)),
      join: (id) => this.work.change(join(this.plan, id, this.person)),
    });
  }

  private playerOf(medium: HTMLMediaElement): Player {
    return new Player(medium, this.picture, {
      tick: () => this.tick(),
      still: () => this.list(),
      playing: (yes) => (must(this.root, '[data-do="play"]').textContent = this.words.say(yes ? "pause" : "play")),
      unplayable: () => {
        must(this.root, ".marker-unplayable").hidden = false;
        document.querySelector("details.viewing")?.setAttribute("open", "");
      },
    });
  }

  // The moment that a change is for: a photo has only one, a document its pages.
  private moment(): number {
    return this.player?.moment ?? this.pages?.page ?? 0;
  }

  private seek(t: number): void {
    this.player?.seek(t);
    this.pages?.turn(t);
  }

  // Another page is shown; what was chosen stays on its own.
  private turned(): void {
    this.shaping.stop();
    this.stage?.sized();
    if (this.plan.tracks.some((t) => t.id === this.selected && t.from !== this.pages?.page)) this.selected = "";
    this.changed("");
  }

  // The desk keeps which pages were before whom; what it does not hear it asks.
  private async seen(desk: Desk, page: number): Promise<void> {
    const questions = await desk.shown(page);
    if (questions) this.ask(questions);
  }

  // Undo and redo show the page on which they did something.
  private rewind(step: () => void): void {
    const before = this.plan.tracks;
    step();
    const page = changedPage(before, this.plan.tracks);
    if (page > 0) this.pages?.turn(page);
  }

  private reveals(): boolean {
    return this.kind === "" ? hiddenAt(this.plan, this.moment()) : this.kind === "reveal";
  }

  private onTrack(id: string, change: (t: Track) => Track, gesture = ""): void {
    const track = this.plan.tracks.find((t) => t.id === id);
    if (track) this.work.change(withTrack(this.plan, id, change(track)), gesture);
  }

  private add(track: Track): void {
    this.player?.pause();
    this.selected = track.id;
    this.work.change(withTrack(this.plan, track.id, track));
    this.stage?.focus(track.id);
  }

  private remove(id: string): void {
    if (this.selected === id) this.selected = "";
    this.work.change(withTrack(this.plan, id, null));
    this.say(this.words.say("removed"));
    must(this.root, ".marker-layer").focus({ preventScroll: true });
  }

  private select(id: string): void {
    if (id === this.selected) return;
    this.selected = id;
    const track = this.plan.tracks.find((t) => t.id === id);
    if (track) this.pages?.turn(track.from);
    this.changed("");
  }

  private corners(id: string, change: (all: { x: number; y: number }[]) => { x: number; y: number }[], gesture = ""): void {
    this.onTrack(id, (t) => shape(t, change(cornersAt(t, t.from) ?? []), this.picture), gesture);
  }

  private bend(id: string, n: number, x: number, y: number, gesture = ""): void {
    this.corners(id, (all) => all.map((c, i) => (i === n ? { x, y } : c)), gesture);
  }

  private follow(id: string): void {
    const track = this.plan.tracks.find((t) => t.id === id);
    if (!track || !this.player) return;
    this.player.pause();
    if (at(track, this.moment())) void this.machine.follow(track, this.moment());
    else this.say(this.words.say("followWhere"));
  }

  private cover(id: string): Track | null {
    const s = this.plan.suggestions.find((x) => x.id === id);
    if (s) this.pages?.turn(s.from);
    const { plan, track } = cover(this.plan, id, s ? this.words.say(s.what) : "", this.picture);
    if (track) this.selected = track.id;
    this.suggested?.next();
    this.work.change(plan);
    return track;
  }

  private leave(id: string, why: string): void {
    this.suggested?.next();
    this.work.change(leave(this.plan, id, why));
  }

  private answer(q: Question): void {
    this.player?.pause();
    this.seek(q.page ?? q.at);
    // The question goes with its button; keys go on turning pages from the picture.
    if (q.kind === "unseen") must(this.root, ".marker-layer").focus({ preventScroll: true });
    if (this.plan.tracks.some((t) => t.id === q.id)) this.select(q.id);
    if (this.plan.suggestions.some((s) => s.id === q.id) && this.suggested) {
      this.suggested.now = q.id;
      this.suggested.show(this.plan);
      this.tick();
    }
  }

  private ask(questions: Question[]): void {
    if (JSON.stringify(questions) === JSON.stringify(this.asked) && this.asked.length > 0) return;
    this.asked = questions;
    this.questions.show(questions);
    this.timeline?.show(this.plan, this.selected, questions);
  }

  // The stage obeys at once; the lists follow when a gesture lets them.
  private changed(gesture: string): void {
    if (!this.plan.tracks.some((t) => t.id === this.selected)) this.selected = "";
    this.tick();
    cancelAnimationFrame(this.drawing);
    if (gesture === "") this.list();
    else this.drawing = requestAnimationFrame(() => this.list());
  }

  private list(): void {
    const plan = this.plan;
    this.panel?.show(plan, this.selected, this.moment());
    this.suggested?.show(plan);
    this.sound?.show(plan);
    this.timeline?.show(plan, this.selected, this.asked);
    this.tick();
    for (const [deed, able] of [["undo", this.work.canUndo], ["redo", this.work.canRedo]] as const) must<HTMLButtonElement>(this.root, `[data-do="${deed}"]`).disabled = !able;
    must<HTMLInputElement>(this.root, ".marker-reviewed").checked = plan.reviewed;
    for (const radio of this.root.querySelectorAll<HTMLInputElement>(".marker-begin")) radio.checked = (radio.value === "covered") === plan.covered;
  }

  // What changes with every frame, and nothing more.
  private tick(): void {
    const t = this.moment();
    this.stage?.show(this.plan, t, this.selected);
    this.stage?.hint(this.machine.offered, this.pointedAt());
    this.timeline?.tick(this.player?.time ?? 0);
    this.shots?.show(this.plan, t);
    this.pages?.show(this.plan);
    const now = this.root.querySelector(".marker-now");
    if (now) now.textContent = `${clock(t)} / ${clock(this.picture.length)}`;
    if (this.player) this.sound?.silence(this.player, this.root.classList.contains("marker-preview"));
  }

  // The suggestion that is asked about, as a box without a name.
  private pointedAt(): Track | null {
    const s = this.plan.suggestions.find((x) => x.id === this.suggested?.now && x.answer === "");
    return s ? { ...s, label: "", reveal: false, startSeen: false, endSeen: false, source: "", corners: [] } : null;
  }

  private readonly deeds: Deeds = {
    play: () => this.player?.toggle(),
    back: () => this.player?.frames(-1),
    forward: () => this.player?.frames(1),
    "back-second": () => this.player?.seek(this.player.time - 1000),
    "forward-second": () => this.player?.seek(this.player.time + 1000),
    "page-back": () => this.pages?.turn(this.pages.page - 1),
    "page-forward": () => this.pages?.turn(this.pages.page + 1),
    add: () => this.stage && !this.pages?.turning && this.addInMiddle(),
    shape: () => this.stage && !this.pages?.turning && this.picture.length === 0 && (this.shaping.on ? this.shaping.stop() : this.shaping.start()),
    point: () => this.point(),
    follow: () => this.follow(this.selected),
    "whole-shot": () => this.onTrack(this.selected, (t) => wholeShot(t, this.plan, this.moment(), this.picture)),
    widen: () => this.onTrack(this.selected, (t) => widen(t, margin, this.picture)),
    "turn-box": () => this.onTrack(this.selected, (t) => ({ ...t, reveal: !t.reveal })),
    "turn-shot": () => must(this.root, ".marker-shot-turn").click(),
    split: () => this.shots && this.work.change(split(this.plan, this.moment(), this.picture.length, this.person)),
    undo: () => this.rewind(() => this.work.undo()),
    redo: () => this.rewind(() => this.work.redo()),
    look: () => void this.machine.look(),
    take: () => this.machine.answer(true),
    drop: () => this.machine.answer(false),
    "machine-stop": () => this.machine.stop(),
    "next-suggestion": () => this.suggested?.next(),
    "cover-suggestion": () => this.suggested?.now && this.cover(this.suggested.now),
    "leave-suggestion": () => this.suggested?.now && this.suggested.why !== "" && this.leave(this.suggested.now, this.suggested.why),
    closer: () => this.timeline?.closer(2, this.moment()),
    further: () => this.timeline?.closer(0.5, this.moment()),
    "whole-film": () => this.timeline?.whole(this.moment()),
    preview: () => {
      const on = this.root.classList.toggle("marker-preview");
      must(this.root, '[data-do="preview"]').setAttribute("aria-pressed", String(on));
      this.tick();
    },
    help: () => must<HTMLDialogElement>(this.root, ".marker-help").showModal(),
    overwrite: () => this.work.overwrite(),
    retry: () => void this.work.flush(),
  };

  private wire(): void {
    this.root.addEventListener("click", (e) => {
      const name = (e.target as HTMLElement).closest<HTMLElement>("[data-do]")?.dataset["do"];
      if (name) this.deeds[name]?.();
    });
    this.root.addEventListener("change", (e) => {
      const input = e.target as HTMLInputElement;
      if (input.classList.contains("marker-begin")) this.work.change(begin(this.plan, input.value === "covered"));
      if (input.classList.contains("marker-reviewed")) this.work.change({ ...this.plan, reviewed: input.checked });
      if (input.classList.contains("marker-new")) this.kind = input.value as "" | "cover" | "reveal";
      if (input.classList.contains("marker-rate") && this.player) this.player.medium.playbackRate = Number(input.value);
    });
    this.root.addEventListener("keydown", (e) => {
      if ((e.ctrlKey || e.metaKey) && keyName(e) === "z" && !typing(e)) {
        this.deeds[e.shiftKey ? "redo" : "undo"]!();
        e.preventDefault();
      }
    });
    this.root.querySelector(".marker-suggestions")?.addEventListener("keydown", (e) => typing(e as KeyboardEvent) || this.key(e as KeyboardEvent));
    addEventListener("beforeunload", (e) => {
      if (this.work.dirty) e.preventDefault();
    });
  }

  // Keys on the stage that no box has taken, and on the list of suggestions.
  private key(e: KeyboardEvent): void {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (this.shaping.on && ["Enter", "Escape", "Backspace"].includes(e.key)) {
      if (e.key === "Enter") this.shaping.close();
      else if (e.key === "Escape") this.shaping.stop();
      else this.shaping.back();
      e.preventDefault();
      return;
    }
    const name = keys[keyName(e)];
    if (!name || (name.startsWith("page-") && !this.pages) || (e.key === " " && e.target instanceof HTMLButtonElement)) return;
    e.preventDefault();
    this.deeds[name]!();
  }

  private addInMiddle(): void {
    const { width, height } = this.picture;
    const w = Math.round(width / 6);
    const h = Math.round(height / 6);
    this.add(newTrack(this.plan, { x: (width - w) / 2, y: (height - h) / 2, w, h }, this.moment(), this.picture, this.reveals()));
  }

  // Fixes the selected track where it is now, so that it bends here.
  private point(): void {
    this.onTrack(this.selected, (track) => {
      const place = at(track, this.moment());
      return place ? moveTo(track, this.moment(), place.x, place.y, sameFrame(this.picture)) : track;
    });
  }

  private say(text: string): void {
    must(this.root, ".marker-say").textContent = text;
  }
}
