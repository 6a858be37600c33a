/** The receipt: shown big, written down, and two groups typed back before anything is sent. */
import { GROUPS, groupsOf, isGroup, newReceipt, type Alphabet, type Receipt } from "../../lib/receipt.js";
import { $, complain, focusOn, say, show } from "./dom.js";

export class ReceiptStep {
  private receipt: Receipt | undefined;
  private asked: [number, number] = [0, 0];

  constructor(private alphabet: Alphabet) {
    $("alphabet").addEventListener("click", () => {
      this.alphabet = this.alphabet === "latin" ? "cyrillic" : "latin";
      this.write("receipt");
    });
    $("written").addEventListener("click", () => this.ask());
    $("receipt-again").addEventListener("click", () => this.present());
  }

  /** The receipt of this report: the same one until it is forgotten. */
  get value(): Receipt {
    return (this.receipt ??= newReceipt());
  }

  present(): void {
    this.write("receipt");
    show("receipt-show", true);
    show("receipt-check", false);
    focusOn("receipt-title");
  }

  /** Writes the receipt into an element, one group a line. */
  write(id: string): void {
    const box = $(id);
    box.textContent = "";
    groupsOf(this.value, this.alphabet).forEach((group, i) => {
      const span = document.createElement("span");
      span.textContent = group;
      box.append(i > 0 ? "-" : "", span);
    });
  }

  /** Whether the two groups were typed as they are; says which is not. */
  confirmed(): boolean {
    show("check-trouble", false);
    for (const [i, group] of this.asked.entries()) {
      const input = $<HTMLInputElement>(`check-${i + 1}`);
      if (isGroup(input.value, this.value, group)) continue;
      input.setAttribute("aria-invalid", "true");
      complain("check-trouble", say("report.check.wrong", group + 1));
      input.focus();
      return false;
    }
    return true;
  }

  forget(): void {
    this.receipt?.fill(0);
    this.receipt = undefined;
    for (const id of ["receipt", "receipt-last"]) $(id).textContent = "";
    this.clearInputs();
  }

  private ask(): void {
    const first = Math.floor(Math.random() * (GROUPS - 1));
    this.asked = [first, first + 1 + Math.floor(Math.random() * (GROUPS - 1 - first))];
    this.clearInputs();
    this.asked.forEach((group, i) => ($(`check-${i + 1}-label`).textContent = say("report.check.group", group + 1)));
    $("receipt").textContent = ""; // what cannot be seen cannot be copied
    show("receipt-show", false);
    show("receipt-check", true);
    show("check-trouble", false);
    focusOn("check-text");
  }

  private clearInputs(): void {
    for (const id of ["check-1", "check-2"]) {
      const input = $<HTMLInputElement>(id);
      input.value = "";
      input.removeAttribute("aria-invalid");
    }
  }
}
