// A citizen who makes a report official: on a small phone, without scripts, in
// Russian with the keyboard and in Kazakh. Started by Go's TestOfficialInABrowser:
//
//	node test/official.mjs ADDRESS CODE
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [address, code] = process.argv.slice(2);
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
  page.on("request", (r) => assert.doesNotMatch(decodeURIComponent(r.url()), /Выдуманова|Ойдан/, "a name stands in an address"));
  return page;
}

// look holds a page against axe and the width of the phone.
async function look(page, name, checked = true) {
  if (shots || checked) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

async function comeBack(page, lang) {
  await page.goto(`${address}/${lang}/open/mine`);
  await page.fill("#code", code);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#contact");
}

try {
  const phone = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await comeBack(phone, "ru");
  await phone.fill("#contact", "Телефон выдуман");
  await phone.keyboard.press("Enter");
  await phone.waitForURL("**/contact");
  await look(phone, "official-mine-ru");
  assert.equal(await phone.inputValue("#contact"), "");
  await phone.click('form[action="/ru/open/appeal"] button');
  await look(phone, "official-begin-ru", false);
  await phone.click('form[action="/ru/open/letter"] button');
  await look(phone, "official-form-ru");
  await phone.selectOption("#language", "kk");
  await phone.focus("#name");
  await phone.keyboard.type("Айгуль Выдуманова");
  await phone.keyboard.press("Tab");
  await phone.keyboard.type("Үлгі, Ойдан көшесі, 5");
  await phone.keyboard.press("Enter");
  await phone.waitForURL("**/letter/look");
  await look(phone, "official-letter-ru");
  assert.match(await phone.locator(".letter").innerText(), /Үлгі су арнасы[^]*Айгуль Выдуманова/);
  const [file] = await Promise.all([phone.waitForEvent("download"), phone.click('form[action="/ru/open/letter/pdf"] button')]);
  assert.equal(file.suggestedFilename(), "first-kk.pdf");
  assert.equal(readFileSync(await file.path()).subarray(0, 5).toString(), "%PDF-");
  await phone.click('form[action="/ru/open/letter"] button'); // change something: nothing typed is lost
  assert.equal(await phone.inputValue("#name"), "Айгуль Выдуманова");
  await phone.click("button.main");
  await phone.click('form[action="/ru/open/entrust"] button');
  await phone.waitForSelector('[role="status"]');
  await look(phone, "official-entrusted-ru", false);

  const bare = await open({ viewport: { width: 360, height: 740 }, javaScriptEnabled: false });
  await comeBack(bare, "kk");
  await bare.click('form[action="/kk/open/appeal"] button');
  const enter = async (act, fill) => {
    await bare.click(`details:has(input[value="${act}"]) summary`);
    await fill(bare.locator(`details:has(input[value="${act}"]) form`));
    await bare.click(`details:has(input[value="${act}"]) button`);
    await bare.waitForSelector('[role="status"]');
  };
  await enter("submitted", (f) => f.locator('[name="day"]').fill("2026-11-26"));
  await enter("registered", async (f) => {
    await f.locator('[name="day"]').fill("2026-11-27");
    await f.locator('[name="number"]').fill("ҮЛГІ-17");
  });
  assert.match(await bare.locator(".times").innerText(), /ҮЛГІ-17/);
  const seen = await open({ viewport: { width: 360, height: 740 } });
  await comeBack(seen, "kk");
  await seen.click('form[action="/kk/open/appeal"] button');
  await look(seen, "official-times-kk");
  await seen.goto(`${address}${await seen.getAttribute(".doors a", "href")}`);
  await look(seen, "official-case-kk");
  assert.doesNotMatch(await seen.locator("main").innerText(), /ҮЛГІ-17/);
  assert.match(await seen.locator(".times").innerText(), /2026/);
  if (shots) {
    const wide = await open({ viewport: { width: 1200, height: 800 } });
    await comeBack(wide, "ru");
    await wide.click('form[action="/ru/open/appeal"] button');
    await look(wide, "official-times-desktop");
  }
  assert.deepEqual(foreign, []);
} finally {
  await browser.close();
}
