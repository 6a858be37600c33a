/**
 * The checker inside a single file. What stands in the page before it has run is
 * shown as unchecked. It checks the proof and every medium, throws all of the page
 * away, and shows what was checked, or nothing but what is wrong. It asks nobody
 * for anything: the page's own policy forbids it.
 */
import { faultOf } from "../../lib/fault.js";
import { checkMedium, checkProof, filesOf, type Checked, type File, type Proof } from "../../lib/proof.js";
import { el, Reader } from "./show.js";

function text(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

/** The media that the page holds, in base64 by their type: attributes are data: addresses. */
function held(): { type: string; data: string }[] {
  const found: { type: string; data: string }[] = [];
  const places = document.querySelectorAll("[src],[poster]");
  for (let i = 0; i < places.length; i++) {
    for (const name of ["src", "poster"]) {
      const m = /^data:([a-z0-9/-]+);base64,/.exec((places[i]!.getAttribute(name) ?? "").slice(0, 80));
      if (m) found.push({ type: m[1]!, data: places[i]!.getAttribute(name)!.slice(m[0].length) });
    }
  }
  return found;
}

/** Checks every medium that is held; gives them by SHA-256. */
function checkMedia(checked: Checked): Map<string, { file: File; data: string }> {
  const named = new Map<string, File>();
  for (const { record } of checked.records) filesOf(record).forEach((f, sum) => named.set(sum, f));
  const media = new Map<string, { file: File; data: string }>();
  for (const h of held()) {
    const f = fit(named, h);
    media.set(f.sha256, { file: f, data: h.data });
  }
  return media;
}

/** Finds the file whose bytes these are: of the same type and length, and then by its hash. */
function fit(named: Map<string, File>, h: { type: string; data: string }): File {
  const size = (h.data.length / 4) * 3 - (h.data.endsWith("==") ? 2 : h.data.endsWith("=") ? 1 : 0);
  let last: unknown;
  for (const f of Array.from(named.values())) {
    if (f.type !== h.type || f.size !== size) continue;
    try {
      checkMedium(f, h.data);
      return f;
    } catch (err) {
      last = err;
    }
  }
  throw last ?? new Error("a medium that no record names");
}

function start(): void {
  const main = document.getElementById("main")!;
  const reader = new Reader(JSON.parse(text("words")), document.documentElement.getAttribute("data-lang") ?? "en");
  try {
    const checked = checkProof(JSON.parse(text("proof")) as Proof);
    const media = checkMedia(checked);
    reader.show(main, checked, media);
  } catch (err) {
    reader.refuse(main, faultOf(err));
  }
}

const state = document.getElementById("state");
const cover = document.getElementById("main");
if (state && cover) {
  // Nothing is seen as long as it is not checked; then the browser gets a breath to draw.
  const words = JSON.parse(text("words")) as Record<string, Record<string, string>>;
  const lang = document.documentElement.getAttribute("data-lang") ?? "en";
  cover.hidden = true;
  const wait = el("p", words[lang]?.["reader.checking"] ?? "…");
  wait.className = "state";
  document.body.insertBefore(wait, cover);
  setTimeout(() => {
    start();
    document.body.removeChild(wait);
    cover.hidden = false;
  }, 50);
}
