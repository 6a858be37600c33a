/** Sealing and sending as the person sees it: only what is true, and always what happens next. */
import type { Stage, Told } from "./messages.js";
import { $, complain, faultText, say, show, sizeText } from "./dom.js";
import { Countdown } from "./countdown.js";

const SPOKEN_EVERY = 10; // percent: a screen reader is not told of every piece

export class SendStep {
  private sending = true;
  private keeping = false;
  private spoken = 0;
  private url = "";
  private readonly countdown = new Countdown();
  /** Whether leaving now would lose something. */
  busy = false;
  /** Whether an unfinished parcel is, or may be, on the device. */
  get kept(): boolean {
    return this.keeping;
  }

  /** Begins anew. sending is false when the file is only sealed, to be carried. */
  begin(sending: boolean, resumed: boolean): void {
    this.sending = sending;
    this.busy = true;
    this.spoken = 0;
    $("send-title").textContent = say(resumed ? "report.sending.resumed" : sending ? "report.sending" : "report.saving");
    for (const id of ["send-trouble", "waiting", "let-go", "save", "save-forget"]) show(id, false);
    for (const id of ["held-bar", "held-hint"]) show(id, sending);
    show("give-up", true);
    $("keeping").textContent = "";
    $("save-text").textContent = say("report.save.text");
    this.progress(0, 0, 0);
  }

  stage(stage: Stage, keeping: boolean): void {
    this.keeping = keeping;
    $("stage").textContent = say("report.stage." + stage);
    if (!this.sending || stage === "preparing" || stage === "deriving") return;
    $("keeping").textContent = say(keeping ? "report.keeping" : "report.not_keeping");
  }

  /** How far the keys of the receipt are: where scripts are not compiled they take minutes. */
  deriving(percent: number): void {
    $("stage").textContent = `${say("report.stage.deriving")} ${percent} %`;
  }

  progress(sealed: number, held: number, total: number): void {
    this.bar("sealed", sealed, total);
    this.bar("held", held, total);
    if (total === 0) return;
    const percent = (n: number) => Math.floor((n / total) * 100);
    const sum = percent(sealed) + percent(held);
    if (!this.sending || sum - this.spoken < 2 * SPOKEN_EVERY) return;
    this.spoken = sum;
    $("stage").textContent = say("report.spoken", percent(sealed), percent(held));
  }

  waiting(why: "unreachable" | "full" | "busy", retryAt: number): void {
    $("waiting-why").textContent = say("report.wait." + (navigator.onLine ? why : "offline"));
    show("waiting", true);
    this.countdown.start(retryAt);
  }

  /** What was held before goes there again: nobody must wonder why the bar goes back. */
  letGo(): void {
    show("let-go", true);
    $("let-go").textContent = say("report.let_go");
  }

  up(): void {
    this.countdown.stop();
    show("waiting", false);
  }

  /** The whole sealed file is there: it can be saved. */
  sealedFile(file: Blob | null): void {
    if (file) {
      this.url = URL.createObjectURL(file);
      $<HTMLAnchorElement>("save-file").href = this.url;
    }
    show("save-file", file !== null);
    show("save", true);
    if (this.sending) return;
    this.busy = false;
    $("save-text").textContent = say(file ? "report.save.only" : "report.save.saved");
    show("save-forget", true);
    show("give-up", false);
    $("save-file").focus();
  }

  failed(told: Extract<Told, { say: "failed" }>): void {
    this.up();
    show("again-unkept", told.key === "report.no_room");
    show("send-trouble", true);
    complain("send-trouble-text", faultText(told.key, told.args));
    $("send-trouble").focus();
  }

  end(): void {
    this.busy = false;
    this.countdown.stop();
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    $("save-file").removeAttribute("href");
  }

  private bar(id: string, done: number, total: number): void {
    const bar = $<HTMLProgressElement>(id);
    bar.max = total || 1;
    bar.value = done;
    $(id + "-text").textContent = total ? say("report.of", sizeText(done), sizeText(total)) : "";
  }
}
