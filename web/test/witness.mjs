// A witness in a real browser, on a small phone: reports, loses the connection,
// reloads, saves the sealed file, reads the answer. Started by Go's
// TestWitnessInABrowser:
//
//	node test/witness.mjs report ADDRESS DIR     writes DIR/receipts.json and DIR/saved.kua
//	node test/witness.mjs replies ADDRESS RECEIPT TEXT
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [part, address, ...rest] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;

const foreign = [];
const broken = [];
const expected = []; // complaints of the console that the test itself causes

async function phone(options = {}) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (r) => r.url().startsWith("blob:") || new URL(r.url()).host === new URL(address).host || foreign.push(r.url()));
  page.on("pageerror", (e) => broken.push(`${page.url()}: ${e.message}`));
  page.on("console", (m) => m.type() === "error" && !expected.some((e) => e.test(m.text())) && broken.push(`${page.url()}: ${m.text()}`));
  page.on("dialog", (d) => d.accept());
  return page;
}

// look holds a step against axe and the width of the phone.
async function look(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `${name} is ${wide} px wide on a phone of 360`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

const step = (page, name) => page.waitForSelector(`#step-${name}:not([hidden])`, { timeout: 60_000 });

async function fill(page, story) {
  await page.goto(`${address}/${story.language ?? "en"}/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await page.check(`input[name=what][value=${story.what}]`);
  await page.fill("#text", story.text);
  for (const field of ["when", "where", "fear"]) if (story[field]) await page.fill("#" + field, story[field]);
  for (const name of story.consent ?? []) await page.check(`input[name=${name}]`);
  if (story.files) await page.setInputFiles("#files", story.files);
}

// toReceipt goes on to the receipt, and through it with pencil and paper.
async function toReceipt(page, name) {
  await page.click("#to-receipt");
  await step(page, "receipt");
  const receipt = (await page.textContent("#receipt")).trim();
  assert.match(receipt, /^([a-zбдфгхжклмнпрствзаиоу]{5}-){5}[a-zбдфгхжклмнпрствзаиоу]{5}$/);
  if (name) await look(page, name);
  await page.click("#written");
  assert.ok(await page.isHidden("#receipt-show"), "the receipt is hidden while it is typed back");
  const groups = receipt.split("-");
  for (const n of [1, 2]) {
    const group = Number(/\d/.exec(await page.textContent(`#check-${n}-label`))[0]);
    await page.fill(`#check-${n}`, groups[group - 1].toUpperCase());
  }
  return receipt;
}

async function left(page) {
  return page.evaluate(async () => {
    const files = [];
    for await (const n of (await navigator.storage.getDirectory()).keys()) files.push(n);
    return { local: localStorage.length, session: sessionStorage.length, cookies: document.cookie, databases: (await indexedDB.databases()).length, files };
  });
}
const nothing = { local: 0, session: 0, cookies: "", databases: 0, files: [] };

// The whole way, with a link that is down when the sending begins.
async function reportFilm(dir) {
  const page = await phone({ geolocation: { latitude: 43.238949, longitude: 76.889709, accuracy: 12 }, permissions: ["geolocation"] });
  await page.goto(`${address}/en/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await look(page, "report-empty");
  await page.click("#to-receipt");
  assert.match(await page.textContent("#trouble"), /Choose what it is about/);
  await fill(page, {
    what: "bribe", text: "kanarejka-words: an inspector asked for money.\nHe had no badge.", when: "on Friday evening", where: "the post at the bridge", fear: "my plate number",
    consent: ["voice"], files: [path.join(dir, "film.mp4"), path.join(dir, "Фото 1.jpg"), path.join(dir, "wrong.txt")],
  });
  await page.click("#file-list li:last-child button"); // not that one
  await page.click("#point-add");
  await page.waitForSelector("#point-shown:not([hidden])");
  assert.match(await page.textContent("#point-text"), /43\.2389, 76\.8897/);
  await look(page, "report-filled");

  let down = true;
  expected.push(/ERR_FAILED|ERR_INTERNET_DISCONNECTED|Failed to load resource/);
  await page.route("**/pieces/**", (r) => (down ? r.abort() : r.continue()));
  const receipt = await toReceipt(page, "report-receipt");
  await page.fill("#check-2", "babab");
  await page.click("#seal-send");
  assert.ok(await page.isVisible("#check-trouble"), "a wrong group is noticed");
  await look(page, "report-check");
  await page.click("#receipt-again");
  assert.equal((await page.textContent("#receipt")).trim(), receipt, "the receipt stays the same");
  await page.click("#written");
  for (const n of [1, 2]) await page.fill(`#check-${n}`, receipt.split("-")[Number(/\d/.exec(await page.textContent(`#check-${n}-label`))[0]) - 1]);
  await page.click("#seal-send");
  await step(page, "send");
  await page.waitForSelector("#waiting:not([hidden])");
  await page.waitForSelector("#save:not([hidden])"); // sealed, though nothing can be sent
  assert.match(await page.textContent("#held-text"), /^0 bytes of/);
  await look(page, "report-waiting");
  down = false;
  await page.dispatchEvent("#try-now", "click"); // the page may try by itself, and hide the button, before a hand comes to it
  await step(page, "done");
  assert.equal((await page.textContent("#receipt-last")).trim(), receipt);
  await page.click("#step-done summary");
  assert.match(await page.textContent("#ack-parcel"), /^[0-9a-f]{64}$/);
  await look(page, "report-done");
  assert.deepEqual(await left(page), nothing);
  await page.click("#forget");
  await step(page, "forgotten");
  await look(page, "report-forgotten");
  assert.ok(!(await page.content()).includes(receipt.slice(0, 11)), "the page still holds the receipt");
  assert.ok(!(await page.content()).includes("kanarejka"), "the page still holds the words");
  await page.context().close();
  return receipt;
}

// Reloaded while it was sending: the page offers to go on, and does.
async function reportAfterReload(dir) {
  const page = await phone({ colorScheme: "dark" });
  await fill(page, { language: "kk", what: "question", text: "kanarejka-reload", files: [path.join(dir, "film.mp4")] });
  let put = 0;
  await page.route("**/pieces/**", (r) => (++put > 4 ? r.abort() : r.continue()));
  const receipt = await toReceipt(page, "report-receipt-dark");
  assert.match(receipt, /[а-я]/, "a Kazakh page shows a Cyrillic receipt");
  await page.click("#seal-send");
  await page.waitForSelector("#save:not([hidden])");
  await page.waitForFunction(() => document.getElementById("held").value > 0);
  await page.reload();
  await page.waitForSelector("#left:not([hidden])");
  await look(page, "report-left-dark");
  await page.unroute("**/pieces/**");
  await page.route(/\/uploads\/[0-9a-f]{32}$/, async (r) => { // as a node answers that gave the place to others
    const response = await r.fetch();
    await r.fulfill({ response, headers: { ...response.headers(), "kua-let-go": "?1" } });
  });
  const sent = [];
  page.on("request", (r) => r.method() === "PUT" && sent.push(r.url()));
  await page.click("#left-go");
  await step(page, "done");
  assert.ok(await page.isVisible("#done-no-receipt"), "the receipt is not on the device");
  assert.match(await page.textContent("#let-go"), /^Серверде/, "that the server let go of it is not said");
  const pieces = JSON.parse(await page.textContent("#ack-document")).pieces;
  assert.ok(sent.length < pieces, `${sent.length} of ${pieces} pieces were sent again`);
  assert.deepEqual(await left(page), nothing);
  await page.context().close();
  return receipt;
}

// Only sealed, and saved to be carried; another visit erases what was left.
async function reportSaved(dir) {
  const page = await phone();
  await fill(page, { what: "threat", text: "kanarejka-saved" });
  const receipt = await toReceipt(page);
  const puts = [];
  page.on("request", (r) => r.method() !== "GET" && puts.push(r.url()));
  await page.click("#seal-save");
  await page.waitForSelector("#save-forget:not([hidden])");
  await look(page, "report-saved");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-file")]);
  await download.saveAs(path.join(dir, "saved.kua"));
  assert.deepEqual(puts, [], "nothing was sent");
  await page.reload();
  await page.waitForSelector("#left-erase:not([hidden])");
  await page.click("#left-erase");
  await step(page, "forgotten");
  assert.deepEqual(await left(page), nothing);
  await page.context().close();
  return receipt;
}

// Without a place on the device, as in some private windows: straight through memory.
async function reportUnkept() {
  const page = await phone();
  await page.addInitScript(() => {
    const Whole = Blob;
    globalThis.Blob = class extends Whole { // the worker's code, which the page puts together
      constructor(parts, options) {
        const without = "Object.defineProperty(navigator.storage, 'getDirectory', { value: undefined });\n";
        super(options?.type === "text/javascript" ? [without, ...parts] : parts, options);
      }
    };
  });
  await fill(page, { what: "abuse", text: "kanarejka-unkept" });
  const receipt = await toReceipt(page);
  let slow;
  const asked = new Promise((seen) => page.route("**/whole/**", (r) => ((slow = r), seen())));
  await page.click("#seal-send");
  await asked;
  assert.match(await page.textContent("#keeping"), /Do not close or reload/);
  await slow.continue();
  await page.unroute("**/whole/**");
  await step(page, "done");
  await page.context().close();
  return receipt;
}

// Looks at what files tell, takes it out, puts one back, and seals the rest.
async function reportLooked(dir) {
  const page = await phone();
  const files = ["told.jpg", "told.png", "told.webp", "told.mp4", "back.jpg", "wrong.txt", "cut.mp4", "turned.jpg"].map((name) => path.join(dir, name));
  await fill(page, { what: "shooting", text: "kanarejka-looked", files });
  const line = (name) => page.locator("#file-list > li").nth(files.findIndex((f) => f.endsWith(name)));
  const open = async (name) => {
    await line(name).locator("summary").click();
    await line(name).locator(".look h2, .look div > p").first().waitFor();
  };
  const settled = (name, words) => line(name).locator(".look-state", { hasText: words }).waitFor();

  // By keyboard: the line opens, the question takes the focus, "no" gives it back.
  await line("told.jpg").locator("summary").focus();
  await page.keyboard.press("Enter");
  await line("told.jpg").locator("h2", { hasText: "Places" }).waitFor();
  const told = await line("told.jpg").locator(".look").innerText();
  for (const want of ["Position: 42.500000, 74.250000", "Maker of the device: KuaCanary-exif-make", "Serial number: KuaCanary-exif-serial", "Author: KuaCanary-exif-artist", "Proof of origin (C2PA)", "A small picture", "What this look cannot see"]) {
    assert.ok(told.includes(want), `${want} is not in ${told}`);
  }
  await look(page, "report-look");
  const take = line("told.jpg").locator("button", { hasText: "Take it out…" });
  await take.focus();
  await page.keyboard.press("Enter");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Before it is taken out/);
  assert.match(await line("told.jpg").locator(".notice").innerText(), /can then prove less/);
  await look(page, "report-look-ask");
  await line("told.jpg").locator("button", { hasText: "Leave the file" }).click();
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Take it out/);

  for (const name of ["told.jpg", "told.png", "told.webp", "told.mp4", "back.jpg", "turned.jpg"]) {
    if (name !== "told.jpg") await open(name);
    await line(name).locator("button", { hasText: "Take it out…" }).click();
    await line(name).locator(".notice button", { hasText: /^Take it out$/ }).click();
    await settled(name, "It has been taken out");
    assert.ok(!(await line(name).innerText()).includes("KuaCanary"), `${name} still tells`);
    assert.match(await page.evaluate(() => document.activeElement.className), /look-state/, "the focus is where it is said");
  }
  assert.match(await line("told.jpg").locator(".look-state").innerText(), /Its name is still the old one/);
  await look(page, "report-look-out");
  assert.match(await line("told.webp").innerText(), /told\.jpg/, "a WebP that became a JPEG is called so");
  await line("back.jpg").locator("button", { hasText: "Put the original back" }).click();
  await settled("back.jpg", "The original is back");
  assert.match(await line("back.jpg").innerText(), /KuaCanary-exif-make/, "the original tells again");

  await line("told.png").locator("button", { hasText: "neutral name" }).click();
  await settled("told.png", "It is called file-2.png now");
  assert.equal(await line("told.png").locator(".file-name").innerText(), "file-2.png");

  await open("wrong.txt");
  assert.match(await line("wrong.txt").innerText(), /cannot look into this kind of file/);
  await open("cut.mp4");
  await line("cut.mp4").locator("button", { hasText: "Take it out…" }).click();
  await line("cut.mp4").locator(".notice button", { hasText: /^Take it out$/ }).click();
  await settled("cut.mp4", "the original stays attached, unchanged");
  await look(page, "report-look-kept");

  await toReceipt(page);
  await page.click("#seal-send");
  await step(page, "done");
  assert.deepEqual(await left(page), nothing);
  await page.context().close();
}

// The look in every language, on a small phone.
async function lookInLanguages(dir) {
  for (const language of ["tg", "ru"]) {
    const page = await phone({ colorScheme: "dark" });
    await fill(page, { language, what: "abuse", text: "kanarejka-language", files: [path.join(dir, "told.jpg")] });
    await page.click("#file-list summary");
    await page.locator(".look h2").first().waitFor();
    await page.locator(".look > .buttons button").first().click();
    await look(page, `report-look-${language}`);
    assert.ok(!/report\.look|trace\./.test(await page.innerText("#file-list")), `a key is shown in ${language}`);
    await page.context().close();
  }
}

// Without scripts the page says so, keeps the door shut and offers other ways.
async function withoutScripts() {
  const page = await phone({ javaScriptEnabled: false });
  await page.goto(`${address}/en/report`);
  assert.match(await page.innerText("main"), /This page cannot seal/);
  assert.ok(await page.isDisabled("#to-receipt"));
  if (shots) await page.screenshot({ path: path.join(shots, "report-noscript.png"), fullPage: true });
  await page.goto(`${address}/en/replies`);
  assert.match(await page.innerText("main"), /This page cannot open answers/);
  await page.context().close();
}

// A browser that gives the page no worker: it says so instead of loading for ever.
async function withoutWorkers() {
  const page = await phone();
  await page.addInitScript(() => (window.Worker = class { constructor() { throw new Error("forbidden"); } }));
  await page.goto(`${address}/en/report`);
  await page.waitForSelector("#cannot.stop");
  assert.ok(await page.isDisabled("#to-receipt"));
  await page.goto(`${address}/en/replies`);
  await page.waitForSelector("#cannot.stop");
  await page.context().close();
}

// The other pages of a node that has published nothing yet.
async function doors() {
  const page = await phone();
  for (const [where, name] of [["/", "chooser"], ["/en/", "welcome"], ["/en/search?q=bridge", "search"]]) {
    await page.goto(address + where);
    await look(page, name);
  }
  expected.push(/404 \(Not Found\)/);
  await page.goto(`${address}/en/nothing`);
  await look(page, "missing");
  await page.context().close();
}

async function byKeyboard() {
  const page = await phone();
  await page.goto(`${address}/en/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await page.focus("input[name=what][value=bribe]");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.querySelector("input[name=what]:checked").value), "beating");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  await page.keyboard.type("typed");
  await page.focus("#to-receipt");
  await page.keyboard.press("Enter");
  await step(page, "receipt");
  assert.equal(await page.evaluate(() => document.activeElement.id), "receipt-title", "the focus follows the step");
  await page.context().close();
}

async function replies(receipt, text) {
  const page = await phone();
  await page.goto(`${address}/en/replies`);
  await page.waitForSelector("#fetch:enabled");
  await look(page, "replies-empty");
  await page.fill("#receipt", receipt.slice(0, -1));
  await page.click("#fetch");
  assert.match(await page.textContent("#trouble"), /five letters|30 letters/);
  await page.fill("#receipt", receipt.toUpperCase().replaceAll("-", " "));
  await page.click("#fetch");
  await page.waitForSelector("#answers:not([hidden])", { timeout: 60_000 });
  assert.deepEqual(await page.locator("#list li").allTextContents(), [text]);
  await look(page, "replies-found");
  await page.click("#forget");
  assert.ok(!(await page.content()).includes(text));
  assert.deepEqual(await left(page), nothing);

  await page.goto(`${address}/en/replies`);
  await page.fill("#receipt", "babab-babab-babab-babab-babab-badij"); // a good receipt that nobody was given
  await page.click("#fetch");
  await page.waitForSelector("#none:not([hidden])", { timeout: 60_000 });
  await look(page, "replies-none");
  await page.context().close();
}

try {
  if (part === "replies") {
    await replies(...rest);
  } else {
    const [dir] = rest;
    await withoutScripts();
    await withoutWorkers();
    await doors();
    await byKeyboard();
    const receipts = { film: await reportFilm(dir), reload: await reportAfterReload(dir), saved: await reportSaved(dir), unkept: await reportUnkept() };
    await reportLooked(dir);
    await lookInLanguages(dir);
    writeFileSync(path.join(dir, "receipts.json"), JSON.stringify(receipts));
  }
  assert.deepEqual(foreign, [], "a page asked another host");
  assert.deepEqual(broken, [], "a page complained");
} catch (err) {
  // What the person saw last says more than where the test stood.
  for (const page of browser.contexts().flatMap((c) => c.pages())) console.log(`--- ${page.url()}\n${await page.innerText("main").catch(() => "")}`);
  console.log(broken.join("\n"));
  throw err;
} finally {
  await browser.close();
}
