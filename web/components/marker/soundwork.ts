// What a person decides about the sound: silence, what is kept, what is said
// instead, and playing it as readers will hear it.

import { clock } from "./clock.js";
import { must, type Words } from "./dom.js";
import type { Picture, Plan } from "./plan.js";
import type { Player } from "./player.js";
import { addLine, dropLine, dropSpan, heard, keep, mute, noteSpan, say, timeLine, withLine } from "./sound.js";
import { SoundPanel } from "./soundpanel.js";

export interface SoundEvents {
  plan(): Plan;
  change(plan: Plan): void;
  moment(): number;
  seek(t: number): void;
  say(text: string): void;
}

export class Sound {
  private readonly panel: SoundPanel;
  private readonly all: HTMLInputElement;
  private begun: number | null = null;

  constructor(private readonly root: HTMLElement, private readonly words: Words, private readonly picture: Picture, private readonly on: SoundEvents) {
    const panel = must(root, ".marker-sounds");
    this.all = must<HTMLInputElement>(panel, ".marker-mute-all");
    this.all.addEventListener("change", () => on.change({ ...on.plan(), muteAll: this.all.checked }));
    this.panel = new SoundPanel(panel, words, {
      seek: (t) => on.seek(t),
      drop: (id) => on.change(dropSpan(on.plan(), id)),
      note: (id, note) => on.change(noteSpan(on.plan(), id, note)),
      line: (line, from, to) => on.change(withLine(on.plan(), timeLine(line, from, to, picture))),
      words: (line, language, text) => on.change(withLine(on.plan(), say(line, language, text))),
      dropLine: (id) => on.change(dropLine(on.plan(), id)),
      speak: (language) => on.change({ ...on.plan(), speak: language }),
    });
    const deeds: Record<string, () => void> = {
      "stretch-from": () => this.from(),
      "mute-to": () => this.end((a, b) => mute(on.plan(), a, b, picture)),
      "keep-to": () => this.end((a, b) => keep(on.plan(), a, b, picture)),
      "add-line": () => this.line(),
    };
    panel.addEventListener("click", (e) => {
      const name = (e.target as HTMLElement).closest<HTMLElement>("[data-sound]")?.dataset["sound"];
      if (name) deeds[name]?.();
    });
  }

  show(plan: Plan): void {
    this.all.checked = plan.muteAll;
    must(this.root, ".marker-keep-warning").hidden = plan.muteAll && plan.keeps.length === 0;
    must<HTMLButtonElement>(this.root, '[data-sound="keep-to"]').disabled = !plan.muteAll;
    this.panel.show(plan, this.on.moment());
  }

  /** A stretch drawn on the bar is kept when all else is silent, and silenced when all else is heard. */
  stretch(from: number, to: number): void {
    const plan = this.on.plan();
    this.on.change(plan.muteAll ? keep(plan, from, to, this.picture) : mute(plan, from, to, this.picture));
  }

  /** Plays what readers would hear; while one works, everything. */
  silence(player: Player, preview: boolean): void {
    player.medium.muted = preview && !heard(this.on.plan(), player.moment);
  }

  private from(): void {
    this.begun = this.on.moment();
    this.on.say(this.words.say("stretchStarted", clock(this.begun)));
  }

  private end(change: (from: number, to: number) => Plan): void {
    if (this.begun === null) {
      this.on.say(this.words.say("stretchFirst"));
      return;
    }
    this.on.change(change(this.begun, this.on.moment()));
    this.begun = null;
    this.on.say("");
  }

  private line(): void {
    const { plan, id } = addLine(this.on.plan(), this.on.moment(), this.picture);
    this.on.change(plan);
    this.root.querySelector<HTMLElement>(`[data-key="line words ${id}"]`)?.focus();
  }
}
