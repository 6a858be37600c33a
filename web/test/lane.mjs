// A citizen in a real browser, on a small phone, without scripts, with the
// keyboard alone where a phone would be tapped. Started by Go's TestTellingInABrowser:
//
//	node test/lane.mjs ADDRESS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { heard, listHeard } from "./heard.mjs";

const [address] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;
const foreign = [];

async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (r) => new URL(r.url()).host === new URL(address).host || foreign.push(r.url()));
  return page;
}

const phone = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

// Between them these pages have every part that there is; with KUA_SHOTS set axe sees all.
const AXE = ["lane-front-empty", "lane-form-map", "lane-danger", "lane-done", "lane-mine", "lane-map", "lane-area"];

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

// mapHeard holds that every mark of a map is a link with a name, and that the list below
// leads to the same reports and says in which area each lies.
async function mapHeard(page) {
  const all = await heard(page, "the map");
  const seen = await page.locator("svg.map a").evaluateAll((marks) => marks.map((m) => new URL(m.getAttribute("href"), document.baseURI).href));
  assert.ok(seen.length > 0);
  const text = await page.locator("main").ariaSnapshot();
  for (const href of seen) {
    const said = all.filter((n) => n.role === "link" && n.url === href);
    assert.ok(said.length >= 2, `${href} is heard ${said.length} times: as a mark and in the list it should be`);
    for (const s of said) assert.ok(text.includes(s.name.slice(0, 40)), `${s.name} is not in what is read`);
    const row = page.locator("main li", { has: page.locator(`a[href="${new URL(href).pathname}"]`) }).first();
    assert.match(await row.innerText(), /район|Базар/i);
  }
}

// photo gives a made-up photo: bands of colour, with a comment that must not come out.
async function photo(page) {
  const url = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [1200, 900];
    const c = canvas.getContext("2d");
    for (let i = 0; i < 12; i++) {
      c.fillStyle = `hsl(${i * 30}, 60%, 60%)`;
      c.fillRect(i * 100, 0, 100, 900);
    }
    c.arc(600, 450, 200, 0, 7);
    c.fill();
    return canvas.toDataURL("image/jpeg");
  });
  return { name: "IMG_20261128_at_home.jpg", mimeType: "image/jpeg", buffer: Buffer.from(url.split(",")[1], "base64") };
}

// shown holds that a page shows so many pictures, and that each has arrived.
async function shown(page, count) {
  await page.waitForFunction((n) => {
    const all = [...document.querySelectorAll("main img")];
    return all.length === n && all.every((i) => i.complete && i.naturalWidth > 0 && i.alt !== "");
  }, count);
}

// where asks the phone for its place, which it refuses, then taps it on the map.
async function where(page) {
  await page.selectOption("#area", "south");
  await page.click("details#where summary");
  await page.click("#gps-ask");
  await page.waitForFunction(() => document.getElementById("gps-state").textContent.includes("не сообщил"));
  await page.context().grantPermissions(["geolocation"]);
  await page.context().setGeolocation({ latitude: 45.061234567, longitude: 65.11 });
  await page.click("#gps-ask");
  await page.waitForFunction(() => document.getElementById("point").value === "45.06123, 65.11");
  await page.context().clearPermissions();
  await page.fill("#point", "");
  await page.click('button[value="open"]');
  await page.waitForSelector("input.pick");
  await page.click('button[value="in"]');
  await page.waitForSelector("input.pick");
  await page.locator("input.pick").click({ position: { x: 200, y: 120 } });
  await page.waitForFunction(() => /^45\.\d+,65\.\d+$/.test(document.getElementById("point").value));
  await look(page, "lane-form-map");
}

try {
  await phone.goto(`${address}/ru/open/`);
  await look(phone, "lane-front-empty");
  await phone.click('a[href="/ru/open/tell"]');
  await look(phone, "lane-what");
  await phone.click('a[href="/ru/open/tell/manhole"]');
  await look(phone, "lane-form");
  await where(phone);
  await phone.fill("#landmark", "улица Выдуманная, 5");
  await phone.check('input[value="gone"]');
  await phone.setInputFiles("#photo", await photo(phone));
  await phone.fill("#words", "Открытый люк у школы, выдумано. Инспектор требовал взятку.");
  await phone.focus("#photo");
  await phone.keyboard.press("Tab");
  await phone.keyboard.press("Enter");
  await phone.waitForURL("**/review/manhole");
  await look(phone, "lane-danger");
  await phone.click('button[formaction]');
  await phone.waitForURL("**/tell/manhole");
  assert.equal(await phone.inputValue("#landmark"), "улица Выдуманная, 5");
  await shown(phone, 1);
  await look(phone, "lane-form-photo");
  await phone.fill("#words", "Открытый люк у школы, выдумано.");
  await phone.click("button.main");
  await shown(phone, 1);
  await look(phone, "lane-review");
  await phone.click("button.main");
  await look(phone, "lane-done");
  const code = await phone.locator(".receipt").first().innerText();
  const first = await phone.getAttribute(".doors a", "href");
  await phone.reload(); // sends the form again
  assert.equal(await phone.locator(".receipt").first().innerText(), code);
  assert.equal(await phone.getAttribute(".doors a", "href"), first);
  await phone.click(".doors a");
  await shown(phone, 1);
  await look(phone, "lane-case");
  await phone.goto(`${address}/ru/open/mine`);
  await phone.fill("#code", code.toUpperCase());
  await phone.keyboard.press("Enter");
  await phone.waitForSelector("#reason");
  await look(phone, "lane-mine");
  const desk = await open({ viewport: { width: 1200, height: 800 }, javaScriptEnabled: true });
  await desk.goto(`${address}/kk/open/`);
  await shown(desk, 1);
  await listHeard(desk, "the list with a photo");
  await look(desk, "lane-front-desktop");
  await desk.goto(address + first.replace("/ru/", "/kk/"));
  await look(desk, "lane-case-desktop");

  const bare = await open({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
  await bare.goto(`${address}/en/open/tell/pothole`);
  await bare.selectOption("#area", "bazaar");
  await bare.click("details#where summary");
  await bare.click('button[value="open"]');
  await bare.locator("input.pick").click({ position: { x: 160, y: 160 } });
  assert.equal(await bare.inputValue("#point"), "45.14,65.15");
  await bare.fill("#words", "A hole in the road, made up.");
  await bare.click("button.main");
  await bare.click("button.main");
  assert.match(await bare.locator("h1").innerText(), /It is sent/);
  await bare.goto(`${address}/ru/open/map`);
  assert.equal(await bare.locator("svg.map circle").count(), 2);
  await phone.goto(`${address}/ru/open/map`);
  await look(phone, "lane-map");
  await mapHeard(phone);
  const target = await phone.locator("svg.map a").first().boundingBox();
  assert.ok(target.width >= 24 && target.height >= 24, `a mark is ${target.width} px wide`);
  await phone.locator("svg.map a").first().click();
  await phone.waitForURL("**/open/case/*");
  await heard(phone, "a case");
  await phone.click("dd a"); // the area
  await phone.waitForURL("**/open/area/*");
  await look(phone, "lane-area");
  await heard(phone, "an area");
  await desk.goto(`${address}/en/open/map`);
  await look(desk, "lane-map-desktop");
  assert.deepEqual(foreign, []);
} finally {
  await browser.close();
}
