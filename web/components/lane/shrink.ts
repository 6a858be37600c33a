/**
 * Makes photos smaller before they are sent: over a slow net every byte is waited for. A photo is drawn anew on this device, at
 * most as large as the node keeps it, and takes the place of the one that was chosen; its sender sees both sizes and can take the
 * original back. What this browser cannot draw as it is, or what might be more than an old phone can hold, goes as it was. What a photo tells beside its picture is taken out by the
 * node all the same. The form is whole without it.
 */
import { honest, pixels } from "../../lib/canvas.js";
import { area } from "./area.js";

const ENOUGH = 150_000; // bytes: 24 s at 50 kbit/s
const LEAST = 1_280; // pixels of the longer side, below which none is made for the sake of bytes
const FINE = 0.7; // of a JPEG
const ROUGH = 0.5;
const MOST_BYTES = 16 << 20;
const MOST_PIXELS = 16 << 20; // of four bytes each when drawn: what an old phone can hold

async function draw(from: ImageBitmap, side: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(from.width, from.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, Math.round(from.width * scale)), Math.max(1, Math.round(from.height * scale))];
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff"; // a JPEG has no holes
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(from, 0, 0, canvas.width, canvas.height);
  const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", quality));
  canvas.width = canvas.height = 0; // gives the memory back now
  if (!made || made.type !== "image/jpeg") throw new Error("no picture");
  return made;
}

/** A photo that says the same in fewer bytes; the photo itself where there is none. */
async function smaller(file: File, most: number): Promise<File> {
  if (file.size <= ENOUGH) return file;
  if (file.size > MOST_BYTES || (await area(file)) > MOST_PIXELS || !honest()) throw new Error("not here");
  const photo = await pixels(file);
  try {
    let side = Math.min(most, Math.max(photo.width, photo.height));
    let made = await draw(photo, side, FINE);
    if (made.size > ENOUGH) {
      side = Math.min(side, Math.max(LEAST, Math.round(side * Math.sqrt(ENOUGH / made.size))));
      made = await draw(photo, side, FINE);
    }
    if (made.size > ENOUGH) made = await draw(photo, side, ROUGH);
    return made.size < file.size ? new File([made], "photo.jpg", { type: made.type }) : file;
  } finally {
    photo.close();
  }
}

function watch(input: HTMLInputElement, box: HTMLElement, state: HTMLElement, undo: HTMLElement): void {
  let chosen: File[] = [];
  let busy: Promise<void> | undefined;
  let turn = 0; // of choosing: what was begun for an earlier one is dropped
  let waits = false;

  const size = (files: readonly File[]) => Math.ceil(files.reduce((sum, f) => sum + f.size, 0) / 1000).toLocaleString(document.documentElement.lang);
  const say = (name: string, ...args: string[]) => (state.textContent = (box.dataset[name] ?? "").replace(/\{(\d)\}/g, (_, n: string) => args[Number(n)] ?? ""));
  const put = (files: readonly File[]) => {
    const all = new DataTransfer();
    for (const f of files) all.items.add(f);
    input.files = all.files;
    input.dispatchEvent(new Event("input", { bubbles: true })); // a draft that is kept has them too
  };

  async function shrink(mine: number): Promise<void> {
    let failed = false;
    const made: File[] = [];
    for (const file of chosen) {
      made.push(
        await smaller(file, Number(box.dataset["side"])).catch(() => {
          failed = true;
          return file;
        }),
      );
      if (mine !== turn) return;
    }
    let changed = made.some((f, i) => f !== chosen[i]);
    try {
      if (changed) put(made);
    } catch {
      [changed, failed] = [false, true];
    }
    undo.hidden = !changed;
    if (changed) say("made", size(made), size(chosen));
    else say(failed ? "kept" : "", size(chosen));
  }

  input.addEventListener("change", () => {
    chosen = Array.from(input.files ?? []);
    const mine = ++turn;
    undo.hidden = true;
    say(chosen.length > 0 ? "works" : "");
    const now = shrink(mine).finally(() => {
      if (mine === turn) busy = undefined;
    });
    busy = now;
  });
  undo.addEventListener("click", () => {
    undo.hidden = true;
    put(chosen);
    say("whole", size(chosen));
  });
  // What is sent meanwhile waits for the end. A tap on the map is not repeated: where it was would be lost.
  input.form?.addEventListener("submit", (event) => {
    const by = (event as SubmitEvent).submitter;
    if (!busy || !("requestSubmit" in HTMLFormElement.prototype) || by instanceof HTMLInputElement) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waits) return;
    waits = true;
    void busy.finally(() => {
      waits = false;
      input.form?.requestSubmit(by);
    });
  });
}

function canSetFiles(): boolean {
  try {
    return new DataTransfer().items !== undefined && new File([], "x").size === 0;
  } catch {
    return false;
  }
}

if ("createImageBitmap" in window && canSetFiles())
  for (const input of Array.from(document.querySelectorAll<HTMLInputElement>('input[type="file"][name="photo"]'))) {
    const box = input.parentElement?.querySelector<HTMLElement>(".shrink");
    const state = box?.querySelector<HTMLElement>("[role=status]");
    const undo = box?.querySelector<HTMLElement>("button");
    if (box && state && undo) watch(input, box, state, undo);
  }
