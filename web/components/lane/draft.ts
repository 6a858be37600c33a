/**
 * Keeps a draft on this device while a link is down, when the person chooses it,
 * and goes on by itself when the link is back. The holder's code is part of the
 * draft, so that whatever is sent twice is one report. Nothing is kept unasked,
 * and nothing after it was sent. The form is whole without it.
 */
export {};

const NAME = "kua-open";
const STORE = "drafts";
const PROBE = 3_000; // milliseconds between two looks whether the node answers
const PAUSE = 300; // after the last letter
const KEPT_DAYS = 30;

/** A photo as it is kept: in private windows some browsers keep no files, and bytes all the same. */
interface Photo {
  name: string;
  type: string;
  data: ArrayBuffer;
}

interface Draft<P = Photo | File> { // files were kept before
  code: string; // the key
  category: string;
  day: string; // as dates are written, of the last change
  fields: [string, string][];
  chosen?: Record<string, string>; // what a list calls what was chosen in it: another page's list may not hold it
  photos: P[];
}

const box = document.getElementById("draft");
const keep = document.getElementById("draft-keep") as HTMLInputElement | null;
const state = document.getElementById("draft-state");
const found = document.getElementById("draft-found");
const form = box?.closest("form") ?? null;
const photo = document.getElementById("photo") as HTMLInputElement | null;

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** One act on the drafts. Nothing stays open after it: a page that a browser only put aside would keep them from being deleted. */
async function within<T>(mode: IDBTransactionMode, act: (drafts: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const open = indexedDB.open(NAME, 1);
  open.onupgradeneeded = () => open.result.createObjectStore(STORE, { keyPath: "code" });
  const db = await done(open);
  db.onversionchange = () => db.close();
  try {
    const all = db.transaction(STORE, mode);
    const written = new Promise<void>((yes, no) => ((all.oncomplete = () => yes()), (all.onabort = () => no(all.error)))); // a phone that is full says so at the end
    const [result] = await Promise.all([done(act(all.objectStore(STORE))), written]);
    return result;
  } finally {
    db.close();
  }
}

async function erase(code: string): Promise<void> {
  await within("readwrite", (drafts) => drafts.delete(code));
  if ((await within("readonly", (drafts) => drafts.count())) > 0) return;
  await done(indexedDB.deleteDatabase(NAME)); // nothing tells that there ever was one
}

const today = (): string => new Date().toISOString().slice(0, 10);

/** What stands in the form, without the marks of this script. */
function read(of: HTMLFormElement): Draft<File> {
  const d: Draft<File> = { code: "", category: box?.dataset["category"] ?? "", day: today(), fields: [], photos: [] };
  new FormData(of).forEach((value, name) => {
    if (value instanceof File) {
      if (value.size > 0) d.photos.push(value);
    } else if (name === "code") {
      d.code = value;
    } else {
      d.fields.push([name, value]);
    }
  });
  d.chosen = {};
  for (const list of of.querySelectorAll("select")) {
    if (list.value) d.chosen[list.name] = list.selectedOptions[0]?.text.trim() ?? "";
  }
  return d;
}

/** Puts a draft back into the form. Pictures that are cleaned already go along by their hash. */
function write(into: HTMLFormElement, d: Draft): void {
  (into.elements.namedItem("code") as HTMLInputElement).value = d.code;
  for (const [name, value] of d.fields) {
    const fields = Array.from(into.elements).filter((e) => (e as HTMLInputElement).name === name) as (HTMLInputElement | HTMLSelectElement)[];
    if (name === "picture" && !fields.some((f) => f.value === value)) {
      const hidden = document.createElement("input");
      [hidden.type, hidden.name, hidden.value] = ["hidden", name, value];
      into.append(hidden);
    }
    for (const f of fields) {
      if (f instanceof HTMLSelectElement && value && !Array.from(f.options).some((o) => o.value === value)) f.add(new Option(d.chosen?.[name] || value, value));
      if (f.type === "radio" || f.type === "checkbox") (f as HTMLInputElement).checked ||= f.value === value;
      else if (f.type !== "hidden" && f.type !== "submit") f.value = value;
    }
  }
  if (photo && d.photos.length > 0) {
    const files = new DataTransfer();
    for (const p of d.photos) files.items.add(new File(["data" in p ? p.data : p], p.name, { type: p.type }));
    photo.files = files.files;
    photo.dispatchEvent(new Event("change", { bubbles: true })); // they may have been kept before they were made smaller
  }
}

function say(name: "waiting" | "full" | ""): void {
  if (state) state.textContent = name && (state.dataset[name] ?? "");
}

let later: number | undefined;
let last: Promise<void> = Promise.resolve(); // one write after the other, also after one that failed

function save(of: HTMLFormElement): Promise<void> {
  window.clearTimeout(later);
  const d = read(of);
  last = last.catch(() => undefined).then(async () => {
    if (!keep?.checked) return;
    const photos = await Promise.all(d.photos.map(async (p) => ({ name: p.name, type: p.type, data: await new Response(p).arrayBuffer() })));
    await within("readwrite", (drafts) => drafts.put({ ...d, photos }));
  });
  return last.catch(() => say("full"));
}

/** Goes on as soon as the node answers. */
async function goOn(of: HTMLFormElement, by: HTMLElement | null): Promise<void> {
  for (;;) {
    const there = navigator.onLine && (await fetch(of.action.replace(/\/(review|send)\/.*/, "/tell"), { method: "HEAD" }).then((r) => r.ok, () => false));
    if (there) break;
    await new Promise((wake) => window.setTimeout(wake, PROBE));
  }
  if (keep?.checked) of.requestSubmit(by);
}

function watch(of: HTMLFormElement, box: HTMLElement, keep: HTMLInputElement): void {
  let waits = false;
  box.hidden = false;
  keep.addEventListener("change", () => {
    if (keep.checked) void save(of);
    else last = last.catch(() => undefined).then(() => erase(read(of).code)).catch(() => undefined);
    say("");
  });
  of.addEventListener("input", () => {
    window.clearTimeout(later);
    if (keep.checked) later = window.setTimeout(() => void save(of), PAUSE);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && keep.checked) void save(of);
  });
  of.addEventListener("submit", (event) => {
    if (!keep.checked || navigator.onLine) return;
    event.preventDefault();
    say("waiting");
    void save(of);
    if (!waits) void goOn(of, (event as SubmitEvent).submitter).finally(() => (waits = false));
    waits = true;
  });
}

/** Offers a draft of the same category that this form does not hold already. */
function offer(of: HTMLFormElement, keep: HTMLInputElement, d: Draft): void {
  if (!found) return;
  found.hidden = false;
  const day = found.querySelector("time");
  if (day) day.textContent = new Date(`${d.day}T12:00:00`).toLocaleDateString(document.documentElement.lang);
  document.getElementById("draft-take")?.addEventListener("click", () => {
    write(of, d);
    keep.checked = true;
    found.hidden = true;
    (of.elements.namedItem("words") as HTMLElement).focus();
  });
  document.getElementById("draft-erase")?.addEventListener("click", () => {
    found.hidden = true;
    void erase(d.code);
  });
}

async function begin(of: HTMLFormElement, box: HTMLElement, keep: HTMLInputElement): Promise<void> {
  const all: Draft[] = await within("readonly", (drafts) => drafts.getAll());
  if (all.length === 0) await done(indexedDB.deleteDatabase(NAME)).catch(() => undefined);
  watch(of, box, keep);
  const oldest = new Date(Date.now() - KEPT_DAYS * 86_400_000).toISOString().slice(0, 10);
  const now = read(of);
  for (const d of all) {
    if (d.day < oldest) await erase(d.code);
    else if (d.code === now.code) {
      keep.checked = true;
      await save(of);
    } else if (d.category === now.category) offer(of, keep, d);
  }
}

const sent = document.getElementById("draft-sent")?.dataset["code"];
if ("indexedDB" in window && sent) void erase(sent).catch(() => undefined);
if ("indexedDB" in window && form && box && keep && "requestSubmit" in form) void begin(form, box, keep).catch(() => undefined);
