// Work that a machine does while the person goes on: finding shots, faces and
// plates, and following what a box is drawn around. What it finds is offered; a
// person takes it.

import type { Desk, Progress } from "./desk.js";
import { must, type Words } from "./dom.js";
import { readTrack, writeTrack, type Track } from "./plan.js";

export interface MachineActions {
  /** Shots and suggestions are in the newest plan. */
  looked(): void;
  /** Another way is offered for a track; null when there is none any more. */
  offer(track: Track | null): void;
  take(track: Track): void;
  say(text: string): void;
}

export class Machine {
  offered: Track | null = null;
  private job = 0;
  private readonly bar: HTMLElement;
  private readonly text: HTMLElement;
  private readonly progress: HTMLProgressElement;

  constructor(root: HTMLElement, private readonly desk: Desk, private readonly words: Words, private readonly act: MachineActions) {
    this.bar = must(root, ".marker-machine");
    this.text = must(this.bar, ".marker-machine-text");
    this.progress = must<HTMLProgressElement>(this.bar, "progress");
    must(this.bar, '[data-do="machine-stop"]').hidden = true;
  }

  get busy(): boolean {
    return this.job !== 0;
  }

  async look(): Promise<void> {
    const end = await this.run("look", {}, "looking");
    if (end?.state === "done") {
      this.act.say(this.words.say("lookDone"));
      this.act.looked();
    }
  }

  async follow(track: Track, at: number): Promise<void> {
    const end = await this.run("follow", { track: writeTrack(track), at }, "following");
    if (end?.state !== "done") return;
    if (!end.track) {
      this.act.say(this.words.say("followLost"));
      return;
    }
    this.offered = { ...readTrack(end.track), id: track.id };
    this.act.offer(this.offered);
    this.show();
  }

  /** Takes or drops what is offered. */
  answer(take: boolean): void {
    const track = this.offered;
    if (!track) return;
    this.offered = null;
    this.act.offer(null);
    if (take) this.act.take(track);
    this.show();
  }

  stop(): void {
    if (this.job !== 0) void this.desk.cancel(this.job);
  }

  private async run(what: "look" | "follow", body: object, word: string): Promise<Progress | null> {
    if (this.busy) {
      this.act.say(this.words.say("machineBusy"));
      return null;
    }
    this.answer(false);
    const started = await this.desk.start(what, body);
    if (!started.job) {
      this.act.say(started.message ?? this.words.say("machineAway"));
      return null;
    }
    this.job = started.job;
    this.show();
    const end = await this.desk.wait(started.job, (p) => {
      this.progress.value = p.percent;
      this.text.textContent = [this.words.say(word), p.left].filter(Boolean).join(" · ");
    });
    this.job = 0;
    this.show();
    if (!end) this.act.say(this.words.say("machineAway"));
    else if (end.state !== "done") this.act.say(end.message || this.words.say("machineStopped"));
    return end;
  }

  private show(): void {
    const offer = this.offered !== null;
    this.bar.hidden = !this.busy && !offer;
    this.progress.hidden = !this.busy;
    must(this.bar, '[data-do="machine-stop"]').hidden = !this.busy;
    for (const deed of ["take", "drop"]) must(this.bar, `[data-do="${deed}"]`).hidden = !offer;
    if (offer) this.text.textContent = this.words.say("followOffer");
    if (offer && document.activeElement === document.body) must(this.bar, '[data-do="take"]').focus({ preventScroll: true });
  }
}
