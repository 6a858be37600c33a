// Undo and redo. A plan is never changed in place, so a history is a list of
// plans; changes that belong to one gesture (a drag, a held arrow key) share a
// name and become one step.

import type { Plan } from "./plan.js";

const depth = 200;

export class History {
  private past: Plan[] = [];
  private future: Plan[] = [];
  private gesture = "";

  constructor(public now: Plan) {}

  /** Makes plan the present one. The same non-empty gesture as last time replaces the last step. */
  change(plan: Plan, gesture = ""): void {
    if (gesture === "" || gesture !== this.gesture) {
      this.past.push(this.now);
      if (this.past.length > depth) this.past.shift();
    }
    this.gesture = gesture;
    this.future = [];
    this.now = plan;
  }

  /** Ends the running gesture: the next change is a step of its own. */
  rest(): void {
    this.gesture = "";
  }

  /** Puts something that no person did into every step, so that undoing keeps it. */
  rebase(onto: (plan: Plan) => Plan): void {
    this.past = this.past.map(onto);
    this.future = this.future.map(onto);
    this.now = onto(this.now);
    this.rest();
  }

  undo(): boolean {
    const plan = this.past.pop();
    if (!plan) return false;
    this.future.push(this.now);
    this.now = plan;
    this.rest();
    return true;
  }

  redo(): boolean {
    const plan = this.future.pop();
    if (!plan) return false;
    this.past.push(this.now);
    this.now = plan;
    this.rest();
    return true;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }
}
