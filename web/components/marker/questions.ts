// What is still asked before this original can be published. The desk says it,
// of the plan as it was saved; here each question leads to its moment.

import { clock } from "./clock.js";
import { el, type Words } from "./dom.js";

/** One open question, as the desk asks it. */
export interface Question {
  kind: string; // as internal/redact has it: start, end, suggestion, uncovered, nothing; unseen is the desk's own
  id: string; // of what it is about
  at: number;
  page?: number; // of a document
}

export interface QuestionActions {
  /** Goes to the moment and chooses what it is about. */
  look(q: Question): void;
  /** Says that a person looked at what comes before (start) or after (end). */
  seen(id: string, end: "start" | "end"): void;
  /** Says why nothing at all is shown. */
  why(note: string): void;
  /** The number that a track has on the page; 0 for none. */
  number(id: string): number;
}

// More than these at once help nobody.
const shown = 12;

const known = ["suggestion", "uncovered", "nothing", "unseen"];

export class Questions {
  constructor(private readonly list: HTMLElement, private readonly count: HTMLElement, private readonly timed: boolean, private readonly words: Words, private readonly act: QuestionActions) {}

  show(questions: Question[]): void {
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    this.count.textContent = this.words.say(questions.length === 0 ? "askNone" : "askCount", questions.length);
    this.count.classList.toggle("marker-asked", questions.length > 0);
    this.list.replaceChildren(...questions.slice(0, shown).map((q) => this.row(q)));
    if (questions.length > shown) this.list.append(el("li", { class: "quiet" }, this.words.say("askMore", questions.length - shown)));
    if (held) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  private row(q: Question): HTMLElement {
    const row = el("li", {}, el("p", {}, q.kind === "nothing" ? "" : this.when(q), this.text(q)));
    if (q.kind === "nothing") return this.nothing(row);
    const deeds = el("p", { class: "actions" }, el("button", { type: "button", "data-key": `ask ${q.kind} ${q.id}`, onclick: () => this.act.look(q) }, this.words.say("look")));
    if (q.kind === "start" || q.kind === "end") {
      const end = q.kind;
      deeds.append(el("button", { type: "button", "data-key": `seen ${end} ${q.id}`, onclick: () => this.act.seen(q.id, end) }, this.words.say(end === "start" ? "seenStart" : "seenEnd")));
    }
    row.append(deeds);
    return row;
  }

  private when(q: Question): Node | string {
    if (!this.timed && !q.page) return "";
    return el("span", { class: "marker-when" }, q.page ? this.words.say("page", q.page) : clock(q.at), " ");
  }

  private text(q: Question): string {
    if (q.kind === "start" || q.kind === "end") return `${this.words.say("track", this.act.number(q.id))}. ${this.words.say("open." + q.kind)}`;
    return this.words.say("ask." + (known.includes(q.kind) ? q.kind : "other"));
  }

  private nothing(row: HTMLElement): HTMLElement {
    const why = el("input", { type: "text", maxlength: 400, "data-key": "nothing why", onchange: () => this.act.why(why.value.trim()) });
    row.append(el("label", { class: "marker-wide" }, this.words.say("nothingWhy"), why));
    return row;
  }
}
