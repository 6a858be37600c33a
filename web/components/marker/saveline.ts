// The line that says whether the work is saved. Work that looks saved and is
// not is the worst.

import { must, type Words } from "./dom.js";
import type { SaveState } from "./save.js";

export class SaveLine {
  constructor(private readonly line: HTMLElement, private readonly words: Words) {}

  tell(state: SaveState, message: string): void {
    const line = this.line;
    line.dataset["state"] = state;
    must(line, ".marker-save-text").textContent = [this.words.say("save." + state), message].filter(Boolean).join(" ");
    must(line, '[data-do="overwrite"]').hidden = state !== "conflict";
    must(line, ".marker-reload").hidden = state !== "conflict" && state !== "locked";
    must(line, '[data-do="retry"]').hidden = state !== "offline" && state !== "refused";
  }
}
