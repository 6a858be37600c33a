// What the page asks of the desk: the plan as it stands, and work for a machine.

import type { Wire } from "./plan.js";
import type { Question } from "./questions.js";

/** How far a machine has come. */
export interface Progress {
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  percent: number;
  left: string; // in words
  message: string;
  track?: object; // what was followed, once it is done
}

export interface Standing {
  version: number;
  plan: Wire;
  questions: Question[];
}

const everyMS = 700;

export class Desk {
  constructor(private readonly base: string, private readonly token: string) {}

  /** The newest plan; null when the desk does not answer. */
  async standing(): Promise<Standing | null> {
    return this.ask<Standing>("/plan");
  }

  /** Says that a page's picture has come before the person. Gives what is still asked; null when the desk does not answer. */
  async shown(page: number): Promise<Question[] | null> {
    return (await this.ask<Standing>("/shown", { page }))?.questions ?? null;
  }

  /** Starts a machine; gives its job, or a message why not. */
  async start(what: "look" | "follow", body: object): Promise<{ job?: number; message?: string }> {
    return (await this.ask<{ job?: number; message?: string }>(`/${what}`, body, true)) ?? {};
  }

  /** Waits for a job and tells how far it is. null when the desk does not answer any more. */
  async wait(job: number, told: (p: Progress) => void): Promise<Progress | null> {
    for (let misses = 0; ; ) {
      const p = await this.ask<Progress>(`/machine/${job}`);
      if (p) {
        misses = 0;
        told(p);
        if (p.state !== "waiting" && p.state !== "running") return p;
      } else if (++misses > 20) {
        return null;
      }
      await new Promise((done) => setTimeout(done, everyMS));
    }
  }

  async cancel(job: number): Promise<void> {
    await this.ask(`/machine/${job}`, {}, true);
  }

  // faults says that a refusal is an answer too: it carries a message.
  private async ask<T>(path: string, body?: object, faults = false): Promise<T | null> {
    try {
      const response = await fetch(this.base + path, {
        method: body ? "POST" : "GET",
        headers: { "Content-Type": "application/json", "Kua-Token": this.token },
        body: body ? JSON.stringify(body) : null,
        redirect: "manual",
      });
      if (!response.ok && !faults) return null;
      return (await response.json()) as T;
    } catch {
      return null;
    }
  }
}
