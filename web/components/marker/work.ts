// The plan that one works on: its history, its saving, and how it takes in what
// a machine found meanwhile.

import { absorb, machineOnly } from "./answers.js";
import type { Desk, Standing } from "./desk.js";
import { History } from "./history.js";
import { read, write, type Picture, type Plan, type Wire } from "./plan.js";
import type { Question } from "./questions.js";
import { poster, Saver, type SaveState } from "./save.js";

export interface WorkEvents {
  /** The plan is another one. A gesture is still going on when it is named. */
  changed(gesture: string): void;
  asked(questions: Question[]): void;
  saving(state: SaveState, message: string): void;
}

export class Work {
  private readonly history: History;
  private readonly saver: Saver;
  private base: Plan; // as it was saved last
  private looking = false;

  constructor(wire: Wire, version: number, save: { url: string; token: string }, private readonly desk: Desk, private readonly picture: Picture, private readonly on: WorkEvents) {
    this.base = read(wire);
    this.history = new History(this.base);
    const heard = (body: string, answer: object): void => {
      this.base = read(JSON.parse(body) as Wire);
      on.asked((answer as { questions?: Question[] }).questions ?? []);
    };
    this.saver = new Saver(poster(save.url, save.token, heard), version, (state, message) => void this.told(state, message));
  }

  get plan(): Plan {
    return this.history.now;
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  get dirty(): boolean {
    return this.saver.dirty;
  }

  change(plan: Plan, gesture = ""): void {
    if (plan === this.plan) return;
    // What was looked through was another plan: a person looks again.
    this.history.change(plan.reviewed && this.plan.reviewed ? { ...plan, reviewed: false } : plan, gesture);
    this.touched(gesture);
  }

  undo(): void {
    if (this.history.undo()) this.touched("");
  }

  redo(): void {
    if (this.history.redo()) this.touched("");
  }

  rest(): void {
    this.history.rest();
    this.on.changed("");
  }

  overwrite(): void {
    this.saver.overwrite();
  }

  async flush(): Promise<void> {
    await this.saver.flush();
  }

  /** Fetches what a machine has put into the newest plan. */
  async catchUp(): Promise<void> {
    const now = await this.desk.standing();
    if (now) this.take(now);
  }

  private touched(gesture: string): void {
    this.saver.touch(this.body());
    this.on.changed(gesture);
  }

  private body(): string {
    return JSON.stringify(write(this.plan, this.picture));
  }

  // Gives whether nothing but a machine's finds stood between.
  private take(now: Standing): boolean {
    const theirs = read(now.plan);
    if (!machineOnly(this.base, theirs)) return false;
    this.base = theirs;
    this.history.rebase((plan) => absorb(plan, theirs));
    const same = JSON.stringify(write(theirs, this.picture)) === this.body();
    this.saver.rebase(now.version, same ? null : this.body());
    this.on.asked(now.questions);
    this.on.changed("");
    return true;
  }

  private async told(state: SaveState, message: string): Promise<void> {
    if (state === "conflict" && !this.looking) {
      this.looking = true;
      const now = await this.desk.standing();
      this.looking = false;
      if (now && this.take(now)) return;
    }
    this.on.saving(state, message);
  }
}
