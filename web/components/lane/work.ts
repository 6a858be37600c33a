/**
 * The work that a report is asked for under load goes on while its writer reads what everybody will see. Sending waits for its
 * end and shows how far it is; who does not want to wait sends without it. The form is whole without this script.
 */
import { PARTS } from "../../lib/work.js";

const box = document.getElementById("work");
const form = document.getElementById("send") as HTMLFormElement | null;
const field = form?.elements.namedItem("work") as HTMLInputElement | null;
const challenge = form?.elements.namedItem("proof") as HTMLInputElement | null;
const bar = document.getElementById("work-bar") as HTMLProgressElement | null;
const state = document.getElementById("work-state");
const send = document.getElementById("work-send");
const skip = document.getElementById("work-skip");

function start(): void {
  if (!box || !form || !field || !challenge || !bar || !state || !send || !skip) return;
  let worker: Worker;
  try {
    worker = new Worker(box.dataset["worker"] ?? "");
  } catch {
    return; // the page says what becomes of a report without it
  }
  const numbers: number[] = [];
  let waits = false;
  const say = (name: string) => (state.textContent = state.dataset[name] ?? "");
  const over = () => {
    worker.terminate();
    bar.hidden = skip.hidden = true;
    waits = false;
  };
  send.addEventListener("click", (event) => {
    if (bar.hidden || !form.checkValidity()) return;
    event.preventDefault();
    waits = true;
    say("waits");
  });
  worker.onmessage = ({ data }: MessageEvent<number>) => {
    numbers.push(data);
    bar.value = numbers.length;
    if (numbers.length < PARTS) return;
    field.value = numbers.join(".");
    const go = waits;
    over();
    say("done");
    if (go) form.requestSubmit();
  };
  worker.onerror = () => {
    over();
    say("failed");
  };
  bar.hidden = skip.hidden = false;
  say("works");
  worker.postMessage({ challenge: challenge.value, bits: Number(box.dataset["bits"]) });
}

start();
