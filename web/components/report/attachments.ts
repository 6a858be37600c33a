/** The list of attached files. */
import { Attachment } from "./attachment.js";
import { $, element, say, sizeText } from "./dom.js";
import { LookPanel } from "./look-panel.js";

interface Line {
  attachment: Attachment;
  item: HTMLElement;
}

export class Attachments {
  private lines: Line[] = [];

  constructor() {
    const input = $<HTMLInputElement>("files");
    input.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.value = ""; // so that the same file can be chosen again after it was removed
    });
  }

  get files(): readonly File[] {
    return this.lines.map((l) => l.attachment.file);
  }

  /** Of which of the files something was taken out. */
  get cleaned(): readonly boolean[] {
    return this.lines.map((l) => l.attachment.cleaned);
  }

  get busy(): boolean {
    return this.lines.some((l) => l.attachment.busy);
  }

  forget(): void {
    this.lines = [];
    $("file-list").textContent = "";
    this.count();
  }

  private add(more: File[]): void {
    const empty = more.find((f) => f.size === 0);
    for (const file of more) if (file.size > 0) this.append(file);
    this.count();
    if (empty) $("files-state").textContent = say("report.files.empty", empty.name);
  }

  private append(file: File): void {
    const line: Line = { attachment: new Attachment(file, () => this.lines.indexOf(line) + 1), item: element("li") };
    this.lines.push(line);
    const name = element("span", "file-name");
    const size = element("span", "quiet");
    const remove = element("button", "", say("report.files.remove"));
    remove.type = "button";
    remove.addEventListener("click", () => this.remove(line));
    const panel = new LookPanel(line.attachment, () => write());
    const write = () => {
      const { file } = line.attachment;
      name.textContent = file.name;
      size.textContent = sizeText(file.size);
      remove.setAttribute("aria-label", say("report.files.remove.which", file.name));
      panel.called(file.name);
      this.count();
    };
    line.item.append(name, size, remove, panel.root);
    $("file-list").append(line.item);
    write();
  }

  private remove(line: Line): void {
    this.lines = this.lines.filter((l) => l !== line);
    line.item.remove();
    this.count();
    $("files").focus();
  }

  private count(): void {
    $("file-list").hidden = this.lines.length === 0;
    const total = this.files.reduce((n, f) => n + f.size, 0);
    $("files-state").textContent = this.lines.length > 0 ? say("report.files.total", this.lines.length, sizeText(total)) : "";
  }
}
