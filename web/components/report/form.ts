/** The form: what the person wrote and chose. */
import type { Story } from "../../lib/report.js";
import { Attachments } from "./attachments.js";
import { $, say, show } from "./dom.js";
import { PlaceButton } from "./place.js";

export class Form {
  readonly attachments = new Attachments();
  private readonly place = new PlaceButton();
  private readonly form = $<HTMLFormElement>("report");

  constructor(private readonly language: string) {}

  /** Whether anything would be lost. */
  get touched(): boolean {
    const s = this.story();
    return s.what !== "" || s.text + s.when + s.where + s.fear !== "" || s.point !== undefined || this.attachments.files.length > 0;
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
    this.attachments.forget();
    this.place.forget();
  }
}

/** Brings the person to the field that is missing. */
export function missing(story: Story): string | null {
  show("trouble", false);
  if (story.what !== "") return null;
  $("report").querySelector<HTMLInputElement>("input[name=what]")?.focus();
  return say("report.choose_what");
}
