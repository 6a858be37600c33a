/** The report page: leads the person from the form to the receipt, the sending and the end. */
import { Fault } from "../../lib/fault.js";
import { validate } from "../../lib/report.js";
import type { Alphabet } from "../../lib/receipt.js";
import { bringWords, bringWorker } from "./arrive.js";
import { lacks } from "./browser.js";
import { $, complain, faultText, focusOn, say, show } from "./dom.js";
import { Form, missing } from "./form.js";
import type { Ask, Order, Told } from "./messages.js";
import { ReceiptStep } from "./receipt-step.js";
import { SendStep } from "./send-step.js";

const STEPS = ["write", "receipt", "send", "done", "forgotten"] as const;

class ReportPage {
  private readonly data = $("page").dataset;
  private readonly form = new Form(this.data["language"]!);
  private readonly receipt = new ReceiptStep(this.data["alphabet"] as Alphabet);
  private readonly send = new SendStep();
  private order: Order | undefined;
  private resumed = false;
  private over = false;

  constructor(private readonly worker: Worker) {}

  start(): void {
    this.worker.onmessage = (e: MessageEvent<Told>) => this.told(e.data);
    this.worker.onerror = () => this.cannot("report.too_old");
    this.ask({ do: "prepare", charter: this.data["charter"]!, byHand: this.data["byHand"] === "true" });
    this.listen();
    show("cannot", false);
    $<HTMLButtonElement>("to-receipt").disabled = false;
  }

  private listen(): void {
    $("report").addEventListener("submit", (e) => (e.preventDefault(), this.toReceipt()));
    $("receipt-check").addEventListener("submit", (e) => (e.preventDefault(), void this.seal(true)));
    $("seal-save").addEventListener("click", () => void this.seal(false));
    document.querySelectorAll(".back").forEach((b) => b.addEventListener("click", () => this.step("write")));
    $("try-now").addEventListener("click", () => this.ask({ do: "now" }));
    $("again").addEventListener("click", () => (this.send.begin(this.order?.send ?? true, this.resumed), this.ask({ do: "again" })));
    $("again-unkept").addEventListener("click", () => this.begin({ ...this.order!, keep: false }));
    $("give-up").addEventListener("click", () => confirm(say("report.stop.sure")) && this.ask({ do: "erase" }));
    for (const id of ["forget", "save-forget"]) $(id).addEventListener("click", () => this.ask({ do: "erase" }));
    addEventListener("online", () => this.ask({ do: "now" }));
    addEventListener("offline", () => this.ask({ do: "lost" }));
    document.addEventListener("visibilitychange", () => {
      if (!this.over && !document.hidden && !$("waiting").hidden) this.ask({ do: "now" }); // a phone sleeps through the time of the next try
    });
    addEventListener("beforeunload", (e) => {
      if (!this.wouldLose) return;
      e.preventDefault();
      e.returnValue = ""; // older browsers ask only then
    });
  }

  private get wouldLose(): boolean {
    if (this.over) return false;
    return this.send.busy || (!$("step-write").hidden && this.form.touched) || !$("step-receipt").hidden;
  }

  private toReceipt(): void {
    const story = this.form.story();
    const lack = missing(story);
    if (lack) return complain("trouble", lack);
    const { attachments } = this.form;
    if (attachments.busy) return complain("trouble", say("report.look.unfinished"));
    try {
      validate(story, attachments.files);
    } catch (err) {
      if (!(err instanceof Fault)) throw err;
      return complain("trouble", faultText(err.key, err.args));
    }
    this.step("receipt");
    this.receipt.present();
    this.ask({ do: "receipt", receipt: this.receipt.value });
  }

  private async seal(send: boolean): Promise<void> {
    if (!this.receipt.confirmed()) return;
    const { attachments } = this.form;
    const order: Order = { story: this.form.story(), files: [...attachments.files], cleaned: [...attachments.cleaned], receipt: this.receipt.value, send, keep: true };
    if (!send && !hasPrivateFiles()) {
      try {
        order.saveTo = await choosePlace();
      } catch {
        return; // the person closed the dialog
      }
    }
    this.begin(order);
  }

  private begin(order: Order): void {
    this.order = order;
    this.resumed = false;
    this.step("send");
    this.send.begin(order.send, false);
    this.ask({ do: "seal", order });
  }

  private resume(upload: string): void {
    this.resumed = true;
    show("left", false);
    this.step("send");
    this.send.begin(true, true);
    this.ask({ do: "resume", upload });
  }

  private told(told: Told): void {
    switch (told.say) {
      case "left":
        return this.left(told);
      case "stage":
        return this.send.stage(told.stage, told.keeping);
      case "deriving":
        return this.send.deriving(told.percent);
      case "progress":
        return this.send.progress(told.sealed, told.held, told.total);
      case "up":
        return this.send.up();
      case "let go":
        return this.send.letGo();
      case "waiting":
        return this.send.waiting(told.why, told.retryAt);
      case "kept":
        return this.send.sealedFile(told.file);
      case "failed":
        return this.send.failed(told);
      case "done":
        return this.done(told);
      case "erased":
        return this.forgotten();
    }
  }

  /** What an earlier visit left on the device is shown before anything else. */
  private left({ uploads, broken, busy }: Extract<Told, { say: "left" }>): void {
    const [first] = uploads;
    if (!first && broken === 0 && !busy) return;
    show("left", true);
    for (const id of ["left-go", "left-erase"]) show(id, first !== undefined);
    if (!first) {
      $("left-title").hidden = true;
      $("left-text").textContent = say(busy ? "report.left.busy" : "report.left.broken");
      return;
    }
    $("left-go").onclick = () => this.resume(first.upload);
    $("left-erase").onclick = () => confirm(say("report.left.erase.sure")) && this.ask({ do: "erase" });
    focusOn("left-title");
  }

  private done({ ack }: Extract<Told, { say: "done" }>): void {
    this.send.end();
    this.step("done");
    show("done-receipt", !this.resumed);
    show("done-no-receipt", this.resumed);
    if (!this.resumed) this.receipt.write("receipt-last");
    const shown = { parcel: ack.parcel, day: ack.day, node: ack.node, document: ack.document, signature: ack.signature };
    for (const [part, text] of Object.entries(shown)) $("ack-" + part).textContent = text;
    $("ack-size").textContent = say("page.size.bytes", ack.size);
    this.form.forget(); // the unsealed words and files are not needed any more
    this.order = undefined;
  }

  /** Drops everything that the page still holds. The worker, with its memory, ends. */
  private forgotten(): void {
    this.over = true;
    this.send.end();
    this.worker.terminate();
    this.form.forget();
    this.receipt.forget();
    this.order = undefined;
    document.querySelectorAll("#step-done code, #step-done dd").forEach((e) => (e.textContent = ""));
    show("left", false);
    this.step("forgotten");
    for (const step of STEPS) if (step !== "forgotten") $("step-" + step).remove();
  }

  private step(to: (typeof STEPS)[number]): void {
    for (const step of STEPS) show("step-" + step, step === to);
    // Another language is another page: choosing one now would lose everything.
    document.querySelectorAll<HTMLElement>(".languages").forEach((menu) => (menu.hidden = to !== "write" && to !== "forgotten"));
    window.scrollTo(0, 0);
    focusOn(to + "-title");
  }

  private cannot(key: string): void {
    cannot(key);
    $<HTMLButtonElement>("to-receipt").disabled = true;
  }

  private ask(ask: Ask): void {
    this.worker.postMessage(ask);
  }
}

/** Says why this browser cannot seal; the button stays closed. */
function cannot(key: string): void {
  const box = $("cannot");
  box.textContent = say(key);
  box.classList.add("stop");
  box.hidden = false;
}

function hasPrivateFiles(): boolean {
  return typeof navigator.storage?.getDirectory === "function";
}

/** Lets the person choose where the sealed file goes, in browsers that can write there as it is made. */
async function choosePlace(): Promise<FileSystemFileHandle | undefined> {
  const picker = (window as unknown as { showSaveFilePicker?: (o: object) => Promise<FileSystemFileHandle> }).showSaveFilePicker;
  return picker?.({ suggestedName: "parcel.kua" });
}

async function begin(): Promise<void> {
  const lack = lacks();
  if (lack) return cannot(lack);
  const { worker, words } = $("page").dataset;
  const [brought] = await Promise.all([bringWorker(worker!), bringWords(words!)]);
  new ReportPage(brought).start();
}

begin().catch(() => cannot("report.too_old"));
