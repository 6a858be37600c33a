/** The replies page: takes the receipt, shows the answers, keeps nothing. */
import { Fault } from "../../lib/fault.js";
import { parseReceipt } from "../../lib/receipt.js";
import { bringWorker } from "../report/arrive.js";
import { lacks } from "../report/browser.js";
import { Countdown } from "../report/countdown.js";
import { $, complain, faultText, focusOn, say, show } from "../report/dom.js";
import type { Ask, Told } from "./messages.js";

class RepliesPage {
  private readonly countdown = new Countdown();

  constructor(private readonly worker: Worker) {}

  start(): void {
    this.worker.onmessage = (e: MessageEvent<Told>) => this.told(e.data);
    this.worker.onerror = () => cannot();
    $("ask").addEventListener("submit", (e) => (e.preventDefault(), this.look()));
    $("receipt").addEventListener("keydown", (e) => e.key === "Enter" && this.entered(e));
    $("try-now").addEventListener("click", () => this.ask({ do: "now" }));
    $("forget").addEventListener("click", () => this.forget());
    addEventListener("online", () => this.ask({ do: "now" }));
    addEventListener("offline", () => this.ask({ do: "lost" }));
    show("cannot", false);
    $<HTMLButtonElement>("fetch").disabled = false;
  }

  /** Enter asks as soon as the receipt is whole; before, it begins a line, as on paper. */
  private entered(e: KeyboardEvent): void {
    try {
      parseReceipt($<HTMLTextAreaElement>("receipt").value);
    } catch {
      return;
    }
    e.preventDefault();
    if (!$<HTMLButtonElement>("fetch").disabled) this.look();
  }

  private look(): void {
    for (const id of ["trouble", "answers"]) show(id, false);
    $("list").textContent = "";
    const input = $<HTMLTextAreaElement>("receipt");
    try {
      this.ask({ do: "fetch", receipt: parseReceipt(input.value) });
      input.removeAttribute("aria-invalid");
      this.busy(true);
    } catch (err) {
      if (!(err instanceof Fault)) throw err;
      input.setAttribute("aria-invalid", "true");
      complain("trouble", faultText(err.key, err.args));
    }
  }

  private told(told: Told): void {
    switch (told.say) {
      case "deriving":
        return this.state(`${say("replies.deriving")} ${told.percent} %`);
      case "fetching":
        return this.state(say("replies.fetching", told.done, told.of));
      case "up":
        return this.up();
      case "waiting":
        $("waiting-why").textContent = say("report.wait." + (navigator.onLine ? told.why : "offline"));
        show("waiting", true);
        return this.countdown.start(told.retryAt);
      case "found":
        return this.found(told);
      case "failed":
        this.up();
        this.state("");
        this.busy(false);
        return complain("trouble", faultText(told.key, told.args));
    }
  }

  private found({ texts, damaged }: Extract<Told, { say: "found" }>): void {
    this.up();
    this.state("");
    this.busy(false);
    for (const text of texts) {
      const item = document.createElement("li");
      item.textContent = text;
      $("list").append(item);
    }
    show("answers", true);
    show("none", texts.length === 0 && damaged === 0);
    show("damaged", damaged > 0);
    focusOn("answers-title");
  }

  private forget(): void {
    this.worker.terminate();
    this.countdown.stop();
    for (const id of ["ask", "answers", "state", "waiting"]) $(id).remove();
    show("step-forgotten", true);
    focusOn("forgotten-title");
  }

  private up(): void {
    this.countdown.stop();
    show("waiting", false);
  }

  private busy(busy: boolean): void {
    $<HTMLButtonElement>("fetch").disabled = busy;
  }

  private state(text: string): void {
    $("state").textContent = text;
  }

  private ask(ask: Ask): void {
    this.worker.postMessage(ask);
  }
}

function cannot(): void {
  const box = $("cannot");
  box.textContent = say("replies.too_old");
  box.classList.add("stop");
  box.hidden = false;
}

async function begin(): Promise<void> {
  if (lacks()) return cannot();
  new RepliesPage(await bringWorker($("page").dataset["worker"]!)).start();
}

begin().catch(cannot);
