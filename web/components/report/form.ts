/** The form: what the person wrote and chose. */
import type { Story } from "../../lib/report.js";
import { $, say, show, sizeText } from "./dom.js";
import { PlaceButton } from "./place.js";

export class Form {
  private files: File[] = [];
  private readonly place = new PlaceButton();
  private readonly form = $<HTMLFormElement>("report");

  constructor(private readonly language: string) {
    const input = $<HTMLInputElement>("files");
    input.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.value = ""; // so that the same file can be chosen again after it was removed
    });
  }

  get chosen(): readonly File[] {
    return this.files;
  }

  /** Whether anything would be lost. */
  get touched(): boolean {
    const s = this.story();
    return s.what !== "" || s.text + s.when + s.where + s.fear !== "" || s.point !== undefined || this.files.length > 0;
  }

  story(): Story {
    const data = new FormData(this.form);
    const text = (name: string) => String(data.get(name) ?? "").replace(/\r\n?/g, "\n").trim();
    return {
      what: text("what"),
      text: text("text"),
      when: text("when"),
      where: text("where"),
      fear: text("fear"),
      point: this.place.point,
      consent: { face: data.has("face"), voice: data.has("voice"), place: data.has("place") },
      language: this.language,
    };
  }

  forget(): void {
    this.form.reset();
    this.form.querySelectorAll("textarea").forEach((t) => (t.value = ""));
    this.files = [];
    this.place.forget();
    this.list();
  }

  private add(more: File[]): void {
    const empty = more.find((f) => f.size === 0);
    this.files.push(...more.filter((f) => f.size > 0));
    this.list();
    if (empty) $("files-state").textContent = say("report.files.empty", empty.name);
  }

  private list(): void {
    const list = $("file-list");
    list.textContent = "";
    this.files.forEach((file, i) => list.append(this.line(file, i)));
    list.hidden = this.files.length === 0;
    const total = this.files.reduce((n, f) => n + f.size, 0);
    $("files-state").textContent = this.files.length > 0 ? say("report.files.total", this.files.length, sizeText(total)) : "";
  }

  private line(file: File, i: number): HTMLElement {
    const line = document.createElement("li");
    const name = document.createElement("span");
    const size = document.createElement("span");
    const remove = document.createElement("button");
    name.className = "file-name";
    name.textContent = file.name;
    size.className = "quiet";
    size.textContent = sizeText(file.size);
    remove.type = "button";
    remove.textContent = say("report.files.remove");
    remove.setAttribute("aria-label", say("report.files.remove.which", file.name));
    remove.addEventListener("click", () => {
      this.files.splice(i, 1);
      this.list();
      $("files").focus();
    });
    line.append(name, size, remove);
    return line;
  }
}

/** Brings the person to the field that is missing. */
export function missing(story: Story): string | null {
  show("trouble", false);
  if (story.what !== "") return null;
  $("report").querySelector<HTMLInputElement>("input[name=what]")?.focus();
  return say("report.choose_what");
}
