// The whole road of a report, in a real browser: a citizen tells it on a phone,
// somebody with the same trouble joins without scripts, the authority answers on
// the link that was sent to it, and both say what they see. Started by Go's
// TestFromReportToConfirmed:
//
//	node test/journey.mjs ADDRESS LINKS PHOTO...
//
// LINKS and a report's number are the address that hands out what was sent to its
// authority. The photos are of what is wrong, of the authority, of the supporter and of the citizen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { listHeard, scoreHeard } from "./heard.mjs";

const [address, links, wrong, repaired, still, gone] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;
const foreign = [];
const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

// Between them these pages have every part that there is; with KUA_SHOTS set axe sees all.
const AXE = ["journey-smaller", "journey-case-open", "journey-link-plan", "journey-link-closed", "journey-look", "journey-confirmed", "front", "score", "score-one", "data"];

// person is somebody's browser; it sends nothing to another host, and no address as a referrer.
async function person(options) {
  const context = await browser.newContext({ ...phone, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (r) => {
    if (new URL(r.url()).host !== new URL(address).host || r.headers().referer) foreign.push(`${r.url()} from ${r.headers().referer}`);
  });
  return page;
}

// look holds a page against axe and the width of the phone.
async function look(page, name) {
  if (shots || AXE.includes(name)) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

// arrived holds that a page shows so many pictures, each of which has come.
async function arrived(page, count) {
  for (const image of await page.locator("main img").all()) await image.scrollIntoViewIfNeeded();
  await page.waitForFunction((n) => {
    const all = [...document.querySelectorAll("main img")];
    return all.length === n && all.every((i) => i.complete && i.naturalWidth > 0 && i.alt !== "");
  }, count);
}

// At 50 kbit/s each way and 0.7 s for every round trip, what a step takes beside the person
// themselves. Every request is reckoned to wait for the one before, and each page for a
// connection of its own (two round trips), which a browser does better.
const seconds = (c) => (c.requests + 2 * c.pages) * 0.7 + ((c.down + c.up) * 8) / 50_000;

// counted gives what goes over the line while a person does something.
async function counted(page, name, budget, act) {
  const c = { pages: 0, requests: 0, down: 0, up: 0 };
  const sizes = [];
  const one = async (r) => ({ s: await r.sizes(), body: Number((await r.headerValue("content-length")) ?? 0), page: r.isNavigationRequest() });
  const count = (r) => sizes.push(one(r).catch(() => undefined)); // of a page that is gone
  page.on("requestfinished", count);
  const line = process.env.KUA_2G ? await page.context().newCDPSession(page) : undefined;
  await line?.send("Network.emulateNetworkConditions", { offline: false, latency: 700, downloadThroughput: 6250, uploadThroughput: 6250 });
  await line?.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  const began = Date.now();
  const result = await act();
  const took = (Date.now() - began) / 1000;
  await line?.detach();
  page.off("requestfinished", count);
  for (const { s, body, page: whole } of (await Promise.all(sizes)).filter(Boolean)) {
    c.pages += whole ? 1 : 0;
    c.requests += 1;
    c.down += s.responseHeadersSize + s.responseBodySize;
    c.up += s.requestHeadersSize + body;
  }
  console.log(`${name}: ${JSON.stringify(c)}, ${seconds(c).toFixed(1)} s over 2G, took ${took.toFixed(1)} s here`);
  assert.ok(c.up > 0, "what was sent was not counted");
  assert.ok(c.pages > 0 && c.pages <= budget.pages, `${name} is ${c.pages} pages`);
  assert.ok(seconds(c) <= budget.seconds, `${name} would take ${seconds(c).toFixed(1)} s over 2G: ${JSON.stringify(c)}`);
  return result;
}

// files gives the bytes of what a form's file input would send.
const files = (page, input) => page.locator(input).evaluate((i) => [...i.files].map((f) => f.size));

// smaller chooses a photo and holds that it is made smaller on the phone, that both sizes are
// said, and that it stands upright.
async function smaller(page, input, photo) {
  const before = readFileSync(photo).length;
  assert.ok(before > 1_000_000, `the photo has ${before} bytes`);
  await page.setInputFiles(input, photo);
  const state = page.locator(".shrink [role=status]").first();
  await page.waitForFunction((s) => s.textContent.includes("вместо"), await state.elementHandle());
  const [now] = await files(page, input);
  assert.ok(now < 200_000, `${now} bytes of ${before} are left: ${await state.innerText()}`);
  const kB = (n) => Math.ceil(n / 1000).toLocaleString("ru");
  assert.ok((await state.innerText()).includes(kB(now)) && (await state.innerText()).includes(kB(before)), await state.innerText());
  const seen = await page.locator(input).evaluate(async (i) => {
    const bitmap = await createImageBitmap(i.files[0]);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    const c = canvas.getContext("2d");
    c.drawImage(bitmap, 0, 0);
    const { data } = c.getImageData(bitmap.width - 10, 10, 1, 1);
    const text = new TextDecoder("latin1").decode(await i.files[0].arrayBuffer());
    return { upright: bitmap.height > bitmap.width, long: bitmap.height, red: data[0] - data[2], exif: text.includes("Exif"), name: i.files[0].name };
  });
  assert.ok(seen.upright && seen.long >= 1200 && seen.long <= 2048 && seen.red > 60 && !seen.exif, JSON.stringify(seen));
}

// asked holds that a page asks for no more than so many fields before it can be sent.
async function asked(page, most) {
  const required = await page.locator("main form:has(button.main) :is(input, select, textarea)[required]").evaluateAll((all) => new Set(all.map((f) => f.name)).size);
  assert.ok(required <= most, `${page.url()} asks for ${required} fields`);
}

const written = (page) => page.locator(".receipt").first().innerText();

// tell sends the report and gives its number and its code.
async function tell(page) {
  await page.goto(`${address}/ru/open/`);
  await page.locator('a[href="/ru/open/tell"]').first().tap();
  await page.locator('a[href="/ru/open/tell/manhole"]').tap();
  await page.waitForURL("**/tell/manhole");
  await asked(page, 3);
  await page.selectOption("#area", "south");
  await page.fill("#landmark", "улица Выдуманная, 5");
  await page.check('input[value="gone"]');
  await smaller(page, "#photo", wrong);
  await page.fill("#words", "Открытый люк у школы, выдумано.");
  await page.locator("button.main").tap();
  await page.waitForURL("**/review/manhole");
  await arrived(page, 1);
  await page.locator("button.main").tap();
  await page.waitForURL("**/send/manhole");
  const code = await written(page);
  const report = (await page.getAttribute(".doors a", "href")).match(/(\d+)$/)[1];
  return { code, report };
}

// original holds that a photo goes as it was where its sender wants that, and where a browser
// cannot draw it: one that gives noise for a canvas, one that takes no files from a script, one
// that turns no photo, what is no photo, and one of more pixels than an old phone can hold.
async function original(page) {
  const size = readFileSync(wrong).length;
  const form = `${address}/ru/open/tell/manhole`;
  await page.goto(form);
  await smaller(page, "#photo", wrong);
  await look(page, "journey-smaller");
  await page.locator(".shrink button").tap();
  assert.deepEqual(await files(page, "#photo"), [size]);
  assert.match(await page.locator(".shrink [role=status]").innerText(), /как выбрано/);
  await smaller(page, "#photo", repaired); // what is chosen anew is made smaller anew
  const goes = async (file) => {
    await page.setInputFiles("#photo", file);
    await page.waitForFunction(() => document.querySelector(".shrink [role=status]").textContent.includes("не может"));
    assert.ok(!(await page.isVisible(".shrink button")));
    return files(page, "#photo");
  };
  assert.deepEqual(await goes({ name: "x.heic", mimeType: "image/heic", buffer: Buffer.alloc(200_000, 7) }), [200_000]);
  const vast = readFileSync(wrong);
  const frame = vast.indexOf(Buffer.from([0xff, 0xc0, 0, 17, 8])) + 5;
  vast.writeUInt16BE(6_000, frame);
  vast.writeUInt16BE(8_000, frame + 2);
  assert.deepEqual(await goes({ name: "x.jpg", mimeType: "image/jpeg", buffer: vast }), [size]);
  await page.evaluate(() => {
    const { get } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "files");
    Object.defineProperty(document.getElementById("photo"), "files", { get, set: () => { throw new TypeError("files"); } });
  });
  assert.deepEqual(await goes(wrong), [size]);
  await page.goto(form);
  await page.evaluate(() => {
    CanvasRenderingContext2D.prototype.getImageData = (x, y, w, h) => new ImageData(w, h);
  });
  assert.deepEqual(await goes(wrong), [size]);
  // An older browser cannot be asked to turn a photo. One that does so unasked is known by its probe.
  for (const turning of [true, false]) {
    await page.goto(form);
    await page.evaluate((turning) => {
      const make = window.createImageBitmap.bind(window);
      window.createImageBitmap = (file, options) => (options ? Promise.reject(new TypeError("from-image")) : make(file, turning ? {} : { resizeWidth: 2, resizeHeight: 1 }));
    }, turning);
    if (turning) {
      await page.setInputFiles("#photo", wrong);
      await page.waitForFunction(() => document.querySelector(".shrink [role=status]").textContent.includes("вместо"));
    } else assert.deepEqual(await goes(wrong), [size]);
  }
}

// join finds the report in the list and says that it is the same here.
async function join(page, report) {
  await page.goto(`${address}/ru/open/`);
  await page.locator(`a[href="/ru/open/case/${report}"]`).first().tap();
  await page.waitForURL(`**/case/${report}`);
  await page.locator(`form[action$="/same/${report}"] button`).tap();
  await page.waitForURL(`**/same/${report}`);
  return written(page);
}

// answer opens the link of the authority: a plan by the keyboard alone, then, with
// a photo and one tap, that it is mended.
async function answer(page, link) {
  await page.goto(link);
  const top = await page.locator("form.card button.main").boundingBox();
  const photo = await page.locator(".shots").boundingBox(); // of the report, as high as whoever took it held the phone
  assert.ok(top.y - photo.height < 2 * 740, `the way to say that it is mended begins ${top.y} px down`);
  await look(page, "journey-link");
  const plan = page.locator("details", { has: page.locator("#on") });
  await plan.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.fill("#on", "2030-01-02");
  await look(page, "journey-link-plan");
  await plan.locator("button").click();
  await page.waitForSelector("[role=status]");
  // Two taps and a photo, which is half of it.
  await counted(page, "answering", { pages: 2, seconds: 40 }, async () => {
    await page.goto(link);
    await asked(page, 1);
    await smaller(page, "#photo", repaired);
    await page.locator("form.card button.main").tap();
    await page.waitForSelector("[role=status]");
  });
  assert.equal(await page.locator("form").count(), 0);
  await look(page, "journey-link-closed");
}

// judge comes back with a code and says with a photo what became of it, which is
// seen before it is said.
async function judge(page, lang, code, says, photo, words, name) {
  const form = 'form[action$="/judge"]';
  await page.goto(`${address}/${lang}/open/mine`);
  await page.fill("#code", code);
  await page.keyboard.press("Enter");
  await page.waitForSelector(form);
  await page.focus(`input[value="${says}"]`);
  await page.keyboard.press("Space");
  await page.fill(`${form} textarea`, words);
  await page.setInputFiles(`${form} input[type=file]`, photo);
  await page.click(`${form} button.main`);
  await page.waitForSelector(`${form} img`);
  assert.equal(await page.inputValue(`${form} textarea`), words);
  assert.ok(await page.isChecked(`input[value="${says}"]`));
  if (name) await look(page, name);
  await page.click(`${form} button.main`);
  await page.waitForSelector(form, { state: "detached" });
}

try {
  const citizen = await person();
  await original(await person());
  // Under a minute, with the photo; what of it goes while they read and type is not taken off.
  const { code, report } = await counted(citizen, "telling", { pages: 5, seconds: 60 }, () => tell(citizen));
  await citizen.goto(`${address}/kk/open/case/${report}`);
  await look(citizen, "journey-case-open");
  const other = await person({ javaScriptEnabled: false });
  const friend = await join(other, report);
  assert.notEqual(friend, code);

  const official = await person();
  await answer(official, await (await fetch(links + report)).text());

  await judge(other, "ru", friend, "not", still, "У нас всё так же, выдумано.");
  await judge(citizen, "en", code, "mended", gone, "The cover is new, made up.", "journey-look");
  await citizen.goto(`${address}/en/open/case/${report}`);
  await arrived(citizen, 4);
  assert.match(await citizen.locator("main").innerText(), /same trouble: 1\.[\s\S]*Counted as confirmed[\s\S]*Yes, mended[\s\S]*mended 0, partly 0, not mended 1/);
  await look(citizen, "journey-confirmed");

  await citizen.goto(`${address}/ru/open/`);
  const list = await listHeard(citizen, "the list");
  for (const state of [/· открыто$/, /· закрыто$/]) assert.ok(list.some((r) => state.test(r.beside)), `no report of the list is ${state}: ${JSON.stringify(list)}`);
  await look(citizen, "front");
  await citizen.goto(`${address}/ru/open/score`);
  assert.ok((await scoreHeard(citizen, "the scoreboard")).bars.length > 0);
  await look(citizen, "score");
  await citizen.goto(`${address}/ru/open/score/authority/water`);
  assert.match(await citizen.locator(".bar").first().getAttribute("aria-label"), /из 24 сообщённых/);
  assert.equal((await scoreHeard(citizen, "one of the scoreboard")).months, 12);
  await look(citizen, "score-one");
  await citizen.goto(`${address}/en/open/data`);
  await look(citizen, "data");
  if (shots) {
    const desk = await person({ viewport: { width: 1200, height: 800 }, isMobile: false });
    await desk.goto(`${address}/en/open/score/authority/water`);
    await look(desk, "score-one-desktop");
    await desk.goto(`${address}/ru/open/case/${report}`);
    await look(desk, "journey-confirmed-desktop");
    const dark = await person({ colorScheme: "dark" });
    await dark.goto(`${address}/kk/open/score`);
    await look(dark, "score-dark");
  }
  assert.deepEqual(foreign, []);
} finally {
  await browser.close();
}
