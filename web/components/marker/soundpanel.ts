// The list of what is muted and kept, and the lines of what is said.

import { clock, readClock } from "./clock.js";
import { el, type Words } from "./dom.js";
import type { Line, Plan, Span } from "./plan.js";

export interface SoundActions {
  seek(t: number): void;
  drop(id: string): void;
  note(id: string, note: string): void;
  line(line: Line, from: number, to: number): void;
  words(line: Line, language: string, text: string): void;
  dropLine(id: string): void;
  speak(language: string): void;
}

// How many lines are shown at once: the ones around the moment.
const shownLines = 30;

export class SoundPanel {
  private readonly spans: HTMLElement;
  private readonly lines: HTMLElement;
  private readonly language: HTMLSelectElement;
  private readonly speak: HTMLSelectElement;
  private readonly mute: HTMLElement;
  private plan: Plan | null = null;
  private from = -1;

  constructor(root: HTMLElement, private readonly say: Words, private readonly act: SoundActions) {
    const find = <T extends HTMLElement>(selector: string): T => root.querySelector<T>(selector)!;
    this.spans = find(".marker-mutes");
    this.lines = find(".marker-said-lines");
    this.language = find<HTMLSelectElement>(".marker-language");
    this.speak = find<HTMLSelectElement>(".marker-speak");
    this.mute = find(".marker-speak-mute");
    this.language.addEventListener("change", () => this.plan && this.show(this.plan, 0, true));
    this.speak.addEventListener("change", () => act.speak(this.speak.value));
  }

  /** Builds the lists for a plan around a moment. */
  show(plan: Plan, t: number, anew = false): void {
    const last = this.plan;
    this.plan = plan;
    this.speak.value = plan.speak;
    this.mute.hidden = plan.speak === "" || plan.muteAll;
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    if (anew || last?.mutes !== plan.mutes || last.keeps !== plan.keeps || last.muteAll !== plan.muteAll) {
      this.spans.replaceChildren(...plan.keeps.map((s) => this.span(s, "kept")), ...plan.mutes.map((s) => this.span(s, "muted")));
    }
    const from = this.window(plan, t);
    if (anew || last?.lines !== plan.lines || from !== this.from) {
      this.from = from;
      const shown = plan.lines.slice(from, from + shownLines).map((l) => this.line(l));
      this.lines.replaceChildren(...shown);
    }
    if (held) document.querySelector<HTMLElement>(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  // All lines when they are few, else those around the moment.
  private window(plan: Plan, t: number): number {
    if (plan.lines.length <= shownLines) return 0;
    const i = plan.lines.findIndex((l) => l.to >= t);
    const at = i < 0 ? plan.lines.length - 1 : i;
    return Math.max(0, Math.min(at - shownLines / 2, plan.lines.length - shownLines));
  }

  private span(s: Span, kind: "kept" | "muted"): HTMLElement {
    const times = [clock(s.from), clock(s.to)] as const;
    const note = el("input", {
      type: "text", maxlength: 200, value: s.note, placeholder: this.say.say(kind === "kept" ? "heardWhat" : "mutedWhy"), "data-key": `note ${s.id}`,
      "aria-label": this.say.say(kind === "kept" ? "heardWhat" : "mutedWhy"), onchange: () => this.act.note(s.id, note.value.trim()),
    });
    return el(
      "li", { class: `marker-span marker-${kind}` },
      el("span", { class: "marker-span-kind" }, this.say.say(kind)),
      el("button", { type: "button", "data-key": `span go ${s.id}`, onclick: () => this.act.seek(s.from) }, `${times[0]} – ${times[1]}`),
      note,
      el("button", { type: "button", "data-key": `span drop ${s.id}`, "aria-label": this.say.say(kind === "kept" ? "unkeep" : "unmute", ...times), onclick: () => this.act.drop(s.id) }, "✕"),
    );
  }

  private line(l: Line): HTMLElement {
    const language = this.language.value;
    const time = (which: "from" | "to"): HTMLElement => {
      const input = el("input", {
        type: "text", inputmode: "decimal", value: clock(l[which]), "data-key": `line ${which} ${l.id}`, "aria-label": this.say.say(which === "from" ? "lineFrom" : "lineTo"),
        onchange: () => {
          const t = readClock(input.value);
          if (t === null) input.value = clock(l[which]);
          else this.act.line(l, which === "from" ? t : l.from, which === "to" ? t : l.to);
        },
      });
      return input;
    };
    const words = el("textarea", {
      rows: 2, maxlength: 1000, "data-key": `line words ${l.id}`, lang: language, "aria-label": this.say.say("lineWords", clock(l.from)),
      onchange: () => this.act.words(l, language, words.value.trim()),
    });
    words.value = l.words[language] ?? "";
    const others = Object.entries(l.words).filter(([tag]) => tag !== language);
    return el(
      "li", { class: "marker-line" },
      el("div", { class: "marker-line-times" }, time("from"), time("to"),
        el("button", { type: "button", "data-key": `line go ${l.id}`, "aria-label": this.say.say("goPoint", clock(l.from)), onclick: () => this.act.seek(l.from) }, "▸"),
        el("button", { type: "button", "data-key": `line drop ${l.id}`, "aria-label": this.say.say("dropLine", clock(l.from)), onclick: () => this.act.dropLine(l.id) }, "✕")),
      words,
      ...others.map(([tag, text]) => el("p", { class: "quiet", lang: tag }, `${tag}: ${text}`)),
    );
  }
}
