/** Under each attached file: what it tells about the person, in words, and the way to take it out. */
import type { Door } from "../../lib/look/door.js";
import type { Fact, Kind, Sheet } from "../../lib/look/sheet.js";
import type { Attachment } from "./attachment.js";
import { element, faultText, say, sizeText } from "./dom.js";
import { lookDoor } from "./look-door.js";

export class LookPanel {
  readonly root = element("details", "look");
  private readonly summary = element("summary", "", say("report.look"));
  private readonly state = element("p", "look-state");
  private readonly found = element("div");
  private readonly acts = element("div", "buttons");
  private readonly question = element("div", "notice");
  private looked = false;

  constructor(
    private readonly attachment: Attachment,
    private readonly changed: () => void,
  ) {
    this.state.setAttribute("role", "status");
    this.state.tabIndex = -1;
    this.question.hidden = true;
    this.root.append(this.summary, element("p", "hint", say("report.look.private")), this.state, this.found, this.acts, this.question);
    this.root.addEventListener("toggle", () => {
      if (this.root.open && !this.looked) void this.look();
    });
  }

  /** Says for which file the line is, to those who hear the page. */
  called(name: string): void {
    this.summary.setAttribute("aria-label", `${say("report.look")}: ${name}`);
  }

  /** Looks at the file that will be sealed and writes what it tells. A sentence about what happened stands first. */
  private async look(first = ""): Promise<void> {
    this.looked = true;
    this.state.textContent = say("report.look.looking");
    this.found.textContent = this.acts.textContent = "";
    const door = await lookDoor().catch(() => undefined);
    const sheet = door && (await this.attachment.look(door).catch(() => undefined));
    if (!door || !sheet) {
      this.looked = false; // opened again, it looks again
      this.state.textContent = say(door ? "report.look.unreadable" : "report.look.away");
      return;
    }
    this.state.textContent = first;
    this.write(door, sheet);
    this.offer(door, sheet);
  }

  private write(door: Door, sheet: Sheet): void {
    if (sheet.format === "") this.found.append(element("p", "", say("report.look.unknown")));
    else if (sheet.facts.length === 0) this.found.append(element("p", "", say("deskweb.traces.nothing")));
    for (const kind of door.KINDS) {
      const facts = sheet.facts.filter((f) => f.kind === kind).sort((a, b) => door.NAMES.indexOf(a.name) - door.NAMES.indexOf(b.name));
      if (facts.length > 0) this.list(heading(kind), facts.map(sentence));
    }
    if (sheet.gaps.size > 0) this.list(say("deskweb.traces.gaps"), [...sheet.gaps].map((why) => say(`trace.gap.${why}`)));
    this.found.append(element("p", "hint", say("report.look.blind")));
  }

  private list(title: string, lines: readonly string[]): void {
    const list = element("ul");
    for (const line of lines) list.append(element("li", "", line));
    this.found.append(element("h2", "", title), list);
  }

  /** The buttons that this file, as it is now, has. */
  private offer(door: Door, sheet: Sheet): void {
    const way = door.wayOut(sheet.format);
    const told = sheet.facts.some((f) => f.name !== "file_name") || sheet.gaps.size > 0;
    if (way && told && !this.attachment.cleaned) {
      const take = this.button(say("report.look.take"), () => this.ask(door, way, sheet.format, take));
    } else if (!way) this.found.append(element("p", "hint", say("report.look.no_way")));
    if (sheet.facts.some((f) => f.name === "file_name")) {
      this.button(say("report.look.rename", this.attachment.neutralName), () => {
        this.attachment.rename();
        this.after(say("report.look.renamed", this.attachment.file.name));
      });
    }
    if (this.attachment.changed) {
      this.button(say("report.look.back"), () => {
        this.attachment.undo();
        this.after(say("report.look.undone"));
      });
    }
  }

  /** Warns, and waits for the answer. */
  private ask(door: Door, way: "photo" | "film", format: string, from: HTMLElement): void {
    const title = element("h2", "", say("report.look.ask"));
    title.tabIndex = -1;
    const answers = element("p", "buttons");
    this.question.textContent = "";
    for (const part of ["report.look.ask.less", "report.look.ask.who", "report.look.ask.keep"]) this.question.append(element("p", "", say(part)));
    this.question.prepend(title);
    this.question.append(element("p", "", say(`report.look.ask.${way}`)), answers);
    this.button(say("report.look.yes"), () => void this.take(door, format), answers);
    this.button(
      say("report.look.no"),
      () => {
        this.question.hidden = true;
        this.acts.hidden = false;
        from.focus();
      },
      answers,
    );
    this.acts.hidden = true;
    this.question.hidden = false;
    title.focus();
  }

  private async take(door: Door, format: string): Promise<void> {
    this.question.hidden = true;
    this.state.textContent = say("report.look.working");
    let said = say("report.look.done");
    try {
      await this.attachment.takeOut(door, format);
      if (door.nameTells(this.attachment.file.name)) said += ` ${say("report.look.done.name")}`;
    } catch (err) {
      const fault = door.faultOf(err);
      said = `${say("report.look.kept")} ${faultText(fault.key, fault.args)}`;
    }
    this.after(said);
  }

  private after(said: string): void {
    this.acts.hidden = false;
    this.changed();
    void this.look(said);
    this.state.focus();
  }

  private button(text: string, act: () => void, into: HTMLElement = this.acts): HTMLElement {
    const b = element("button", "", text);
    b.type = "button";
    b.addEventListener("click", act);
    into.append(b);
    return b;
  }
}

/** The desk calls the same things the same. */
function heading(kind: Kind): string {
  if (kind === "track") return say("deskweb.traces.track");
  return kind === "preview" ? say("deskweb.traces.previews") : say(`trace.kind.${kind}`);
}

function sentence(f: Fact): string {
  const size = f.bytes ? sizeText(f.bytes) : "";
  return `${say(`report.look.name.${f.name}`)}: ${[f.value, size].filter((s) => s !== "").join(" · ")}`.replace(/: $/, "");
}
