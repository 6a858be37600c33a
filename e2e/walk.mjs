// What a witness, a citizen, a reader and a person of the desk do, in browsers that are
// not Chromium. A walk is { page, demo, dir, film, photo, name, shot }: the page is
// Playwright's or webkit.mjs's, and whatever is not in both is not used here.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { fillReport, openReplies, report, toReceipt } from "./witness.mjs";

/** Fails when the page is wider than the phone it is on. */
async function narrow({ page }, what) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(screen <= 360, `the window is ${screen} px wide, which is no small phone`);
  assert.ok(wide <= screen, `${what} is ${wide} px wide on a phone of ${screen}`);
}

/** Holds a page against the phone's width, and takes its picture. */
async function look(walk, what) {
  await narrow(walk, what);
  await walk.shot(what);
}

/** What the page left in the browser. */
const left = (page) => page.evaluate(async () => {
  const files = [];
  try {
    for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(name);
  } catch {
    // there is no place for files
  }
  return [localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases?.().catch(() => []) ?? []).length, files.join()];
});
const nothing = [0, 0, "", 0, ""];

/** A witness reports a film and a photo from which they take out what it tells. noise: this browser gives out no pictures. */
export async function reports(walk, { noise = false } = {}) {
  const { page, demo, film, photo } = walk;
  await fillReport(page, demo.url, { what: "beating", text: "fox-words: made up, two men in uniform", when: "fox-when", where: "fox-where", fear: "fox-fear", consent: ["voice"], files: [film, photo] });
  await look(walk, "report-filled");
  const line = "#file-list > li:nth-child(2)";
  await page.click(`${line} summary`);
  await page.waitForSelector(`${line} .look h2`);
  assert.match(await page.innerText(`${line} .look`), /42\.5/, "the look does not see where the photo was taken");
  await page.click(`${line} .look > .buttons button`);
  await page.waitForSelector(`${line} .notice button`);
  await look(walk, "report-look");
  await page.click(`${line} .notice button`);
  await page.waitForFunction((s) => /taken out|random dots/.test(document.querySelector(s).textContent), `${line} .look-state`);
  const said = await page.textContent(`${line} .look-state`);
  assert.match(said, noise ? /the original stays attached.*random dots/ : /It has been taken out/);
  const receipt = await toReceipt(page, (step) => look(walk, `report-${step}`));
  const began = Date.now();
  await page.click("#seal-send");
  await page.waitForSelector("#step-send:not([hidden])");
  await walk.shot("report-sending");
  await page.waitForSelector("#step-done:not([hidden])", { timeout: 300_000 });
  walk.took = Date.now() - began;
  assert.equal((await page.textContent("#receipt-last")).trim(), receipt);
  await look(walk, "report-done");
  await page.click("#forget");
  await page.waitForSelector("#step-forgotten:not([hidden])");
  assert.deepEqual(await left(page), nothing, "something is left in the browser");
  return receipt;
}

/** A witness seals without sending; saved gives the bytes of what a press on the link saves. */
export async function saves(walk, saved) {
  const { page, demo } = walk;
  await fillReport(page, demo.url, { what: "threat", text: "fox-saved: made up" });
  await toReceipt(page);
  await page.click("#seal-save");
  await page.waitForSelector("#save-file", { timeout: 300_000 });
  await look(walk, "report-saved");
  const file = await saved();
  assert.equal(file.subarray(0, 21).toString(), "age-encryption.org/v1", "what is saved is no sealed file");
  await page.click("#save-forget");
  await page.waitForSelector("#step-forgotten:not([hidden])");
  assert.deepEqual(await left(page), nothing);
}

/** A witness reads the answer. */
export async function asks(walk) {
  const { page, demo } = walk;
  await openReplies(page, demo.url, demo.receipt);
  assert.ok((await page.innerText("#list")).trim().length > 10, "there is no answer");
  await look(walk, "replies");
  await page.click("#forget");
  await page.waitForSelector("#step-forgotten:not([hidden])");
}

/** A reader: front page, record with its film, map, search; then the record as a single file, from the disk. */
export async function reads(walk) {
  const { page, demo, dir } = walk;
  for (const name of ["index", "list/1", "map", "mirrors", "verify"]) {
    await page.goto(`${demo.url}/en/${name}.html`);
    await look(walk, `site-${name.replace("/", "-")}`);
  }
  await page.goto(`${demo.url}/en/search?q=made`);
  await look(walk, "site-search");
  await page.goto(`${demo.url}/en/index.html`);
  await page.click("main h2 a");
  await page.waitForSelector("article, .film");
  await look(walk, "site-record");
  const [film, keep] = await page.evaluate(() => [".film .play", 'a[href*="/keep/"]'].map((s) => document.querySelector(s).href));
  await page.goto(film);
  await played(page, "video");
  const file = path.join(dir, "record.html");
  await writeFile(file, Buffer.from(await (await fetch(keep)).arrayBuffer()));
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("main[data-result]", { timeout: 60_000 });
  assert.equal(await page.evaluate(() => document.querySelector("main").dataset.result), "ok", "the single file does not check itself");
  await look(walk, "reader");
  await played(page, "video");
}

/** Plays a film until a moment of it was shown. */
async function played(page, selector) {
  await page.waitForSelector(selector);
  await page.evaluate(async (s) => {
    const film = document.querySelector(s);
    film.muted = true;
    await film.play();
  }, selector);
  await page.waitForFunction((s) => {
    const film = document.querySelector(s);
    return film.error || (film.videoWidth > 0 && film.currentTime > 0.2);
  }, selector);
  assert.equal(await page.evaluate((s) => document.querySelector(s).error?.message ?? "", selector), "", "the film does not play");
}

/** A citizen tells of a manhole with a photo, keeps the draft, sends it. noise: the photo goes whole. database: there is a place for drafts; gone: it goes with the last of them. */
export async function tells(walk, { noise = false, database = true, gone = database } = {}) {
  const { page, demo, photo } = walk;
  await page.goto(`${demo.url}/en/open/`);
  await look(walk, "open-front");
  await page.goto(`${demo.url}/en/open/tell/manhole`);
  await page.selectOption("#area", "south");
  await page.check('input[value="gone"]');
  await page.fill("#words", "fox-manhole: made up");
  await page.setInputFiles("#photo", photo);
  await page.waitForFunction(() => /instead of|as chosen/.test(document.querySelector(".shrink [role=status]").textContent));
  const sent = await page.evaluate(() => document.getElementById("photo").files[0].size);
  assert.equal(sent > 150_000, noise, `the photo has ${sent} bytes`);
  if (database) {
    await page.check("#draft-keep");
    await kept(page, true);
    await page.goto(`${demo.url}/en/open/tell/manhole`);
    await page.waitForSelector("#draft-found:not([hidden])");
    await page.click("#draft-take");
    await page.waitForFunction(() => document.getElementById("words").value.startsWith("fox-manhole") && document.getElementById("photo").files.length === 1);
  }
  await look(walk, "open-told");
  await page.click("p.go button.main");
  await page.waitForSelector(".sheet img");
  await look(walk, "open-review");
  await page.click("#work-send");
  await page.waitForSelector("#draft-sent", { timeout: 120_000 });
  await look(walk, "open-done");
  if (gone) await kept(page, false);
  for (const name of ["map", "score"]) {
    await page.goto(`${demo.url}/en/open/${name}`);
    await look(walk, `open-${name}`);
  }
}

/** Waits until a draft is kept, or, if not, until what drafts are kept in is gone too. */
async function kept(page, one) {
  for (let tries = 0; ; tries++) {
    const [drafts, databases, said] = await page.evaluate(async (count) => {
      const done = (request) => new Promise((yes, no) => ((request.onsuccess = () => yes(request.result)), (request.onerror = () => no(request.error))));
      const databases = await indexedDB.databases();
      let drafts = 0;
      for (const { name } of count ? databases : []) {
        const db = await done(indexedDB.open(name));
        if (db.objectStoreNames.length > 0) drafts += await done(db.transaction("drafts").objectStore("drafts").count());
        db.close();
      }
      return [drafts, databases.length, document.getElementById("draft-state")?.textContent];
    }, one);
    if (one ? drafts === 1 : databases === 0) return;
    assert.ok(tries < 300, `${drafts} drafts are kept, in ${databases} databases: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** A person of the desk plays a film, draws a box over it, and takes it back. */
export async function marks(walk) {
  const { page, demo } = walk;
  await page.goto(`${demo.desk}/en/sign-in`);
  await page.selectOption("#name", demo.people[0]);
  await page.fill("#passphrase", demo.passphrase);
  await page.click("form .primary");
  await page.waitForFunction(() => location.pathname === "/en/");
  await walk.shot("desk-home");
  await page.goto(`${demo.desk}/en/originals/1/mark`);
  await page.waitForSelector(".marker-layer");
  await page.waitForFunction(() => document.querySelector(".marker video")?.readyState >= 2);
  assert.equal(await page.evaluate(() => document.querySelector(".marker-mismatch").hidden), true, "the film has another shape than the renderer sees");
  await played(page, ".marker video");
  await page.evaluate(() => document.querySelector(".marker video").pause());
  const before = await page.evaluate(() => document.querySelectorAll(".marker-box").length);
  await page.evaluate(() => document.querySelector(".marker-layer").scrollIntoView({ block: "center" }));
  const box = await page.evaluate(() => {
    const r = document.querySelector(".marker-layer").getBoundingClientRect();
    return [r.left, r.top, r.width, r.height];
  });
  const at = (x, y) => [box[0] + box[2] * x, box[1] + box[3] * y];
  await page.drag(at(0.7, 0.05), at(0.95, 0.3));
  await page.waitForFunction((n) => document.querySelectorAll(".marker-box").length === n + 1, before);
  await page.waitForSelector('.marker-save[data-state="saved"]');
  await walk.shot("desk-marker");
  await page.click('[data-do="undo"]'); // the next browser draws there too
  await page.waitForFunction((n) => document.querySelectorAll(".marker-box").length === n, before);
  await page.waitForSelector('.marker-save[data-state="saved"]');
}
