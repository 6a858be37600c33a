// Somebody on a small phone whose connection comes and goes, in a real browser:
// nothing is kept unasked; what is kept is offered back, goes on by itself, is
// sent once and is gone afterwards. Started by Go's TestDraftInABrowser:
//
//	node test/draft.mjs ADDRESS PHOTO
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [address, photo] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;

const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
const page = await context.newPage();
page.setDefaultTimeout(60_000);
const broken = [];
page.on("pageerror", (e) => broken.push(e.message));

async function look(name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, name);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

// kept gives the fields of all drafts on the phone.
const kept = () =>
  page.evaluate(async () => {
    const all = [];
    for (const { name } of await indexedDB.databases()) {
      const open = indexedDB.open(name);
      await new Promise((done) => (open.onsuccess = done));
      if (open.result.objectStoreNames.length > 0) {
        const drafts = open.result.transaction("drafts").objectStore("drafts").getAll();
        await new Promise((done) => (drafts.onsuccess = done));
        all.push(...drafts.result.map((d) => ({ code: d.code, words: Object.fromEntries(d.fields).words, pictures: d.fields.filter(([n]) => n === "picture").length, photos: d.photos.length })));
      }
      open.result.close();
    }
    return all.concat(await Promise.all([localStorage.length, sessionStorage.length].filter((n) => n > 0)));
  });

// until waits for what is kept to be as it should.
async function until(want) {
  for (let i = 0; ; i++) {
    const got = await kept();
    if (want(got)) return got;
    assert.ok(i < 400, `kept is ${JSON.stringify(got)}`);
    await page.waitForTimeout(50);
  }
}

const form = `${address}/ru/open/tell/manhole`;
const words = "Открытый люк у школы, выдумано";

try {
  // Nothing is kept of whoever does not ask for it.
  await page.goto(form);
  await page.waitForSelector("#draft:not([hidden])");
  await page.fill("#words", "Это никто не хранит");
  await page.waitForTimeout(1_000);
  assert.deepEqual(await kept(), []);

  // Kept, with its photo, and taken off again when the person thinks better of it.
  await page.selectOption("#area", "south");
  await page.check('input[value="gone"]');
  await page.evaluate(() => (window.createImageBitmap = () => new Promise(() => {}))); // it takes longer than this page is there
  await page.setInputFiles("#photo", { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.concat([readFileSync(photo), Buffer.alloc(200_000)]) });
  await page.fill("#words", words);
  await page.check("#draft-keep");
  await until((all) => all.length === 1 && all[0].words === words && all[0].photos === 1);
  // Once it cannot be kept, and is taken off all the same.
  await page.evaluate(() => {
    const was = Response.prototype.arrayBuffer;
    Response.prototype.arrayBuffer = () => ((Response.prototype.arrayBuffer = was), Promise.reject(new Error("the photo is gone")));
  });
  await page.fill("#words", words + ".");
  await page.waitForFunction(() => document.getElementById("draft-state").textContent === document.getElementById("draft-state").dataset.full);
  // So it is where the phone is full, which a browser tells only when all is written.
  await page.evaluate(() => {
    const was = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (draft) {
      IDBObjectStore.prototype.put = was;
      const request = was.call(this, draft);
      request.addEventListener("success", () => this.transaction.abort());
      return request;
    };
    document.getElementById("draft-state").textContent = "";
  });
  await page.fill("#words", words + "!");
  await page.waitForFunction(() => document.getElementById("draft-state").textContent === document.getElementById("draft-state").dataset.full);
  await page.fill("#words", words);
  await page.uncheck("#draft-keep");
  await until((all) => all.length === 0);
  await page.check("#draft-keep");
  const [{ code }] = await until((all) => all.length === 1 && all[0].photos === 1);
  await look("draft-kept");

  // The phone is switched off: the draft is offered back, whole.
  await page.goto(`${address}/ru/open/`);
  await page.goto(form);
  await page.waitForSelector("#draft-found:not([hidden])");
  assert.notEqual(await page.inputValue('input[name="code"]'), code);
  await look("draft-found");
  await page.locator("#draft-take").tap();
  assert.equal(await page.inputValue("#words"), words);
  assert.equal(await page.inputValue("#area"), "south");
  assert.ok(await page.isChecked('input[value="gone"]'));
  // The photo was kept as it was chosen: it is made smaller now.
  await page.waitForFunction(() => document.querySelector(".shrink [role=status]").textContent.includes("вместо"));
  assert.deepEqual(await page.evaluate(() => [...document.getElementById("photo").files].map((f) => f.size < 150_000)), [true]);
  assert.equal(await page.inputValue('input[name="code"]'), code);

  // No connection: it waits, and goes on to what everybody will see when there is one.
  await context.setOffline(true);
  await page.locator("form button.main").tap();
  await page.waitForFunction(() => document.getElementById("draft-state").textContent.includes("Связи нет"));
  await look("draft-waiting");
  await context.setOffline(false);
  await page.waitForURL("**/review/manhole");
  await page.waitForSelector(".sheet img");
  await until((all) => all.length === 1 && all[0].code === code && all[0].pictures === 1 && all[0].photos === 0);
  assert.ok(await page.isChecked("#draft-keep"));

  // Again, at the last step: it is sent by itself, and nothing is left.
  await context.setOffline(true);
  await page.locator("button.main").last().tap();
  await page.waitForFunction(() => document.getElementById("draft-state").textContent.includes("Связи нет"));
  await context.setOffline(false);
  await page.waitForURL("**/send/manhole");
  assert.equal((await page.locator(".receipt").first().innerText()).trim(), code);
  await until((all) => all.length === 0);
  assert.deepEqual(await page.evaluate(async () => (await indexedDB.databases()).map((d) => d.name)), []);
  await page.reload(); // sends the form again: it is the same report
  assert.equal((await page.locator(".receipt").first().innerText()).trim(), code);

  // A draft that is erased where it is offered is gone.
  await page.goto(form);
  await page.waitForSelector("#draft:not([hidden])");
  assert.equal(await page.isVisible("#draft-found"), false);
  await page.fill("#words", words);
  await page.check("#draft-keep");
  await until((all) => all.length === 1);
  await page.goto(form);
  await page.locator("#draft-erase").tap();
  await until((all) => all.length === 0);
  assert.deepEqual(broken, []);
} finally {
  await browser.close();
}
