// A citizen and somebody with the same trouble, in a real browser on a small
// phone without scripts; the authority answers in between, as Go's
// TestVerdictInABrowser has prepared. Started by it:
//
//	node test/verdict.mjs ADDRESS CASE HOLDER SUPPORTER
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [address, report, holder, supporter] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
const shots = process.env.KUA_SHOTS;
const foreign = [];

async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (r) => new URL(r.url()).host === new URL(address).host || foreign.push(r.url()));
  return page;
}

// Between them these pages have every part that there is; with KUA_SHOTS set axe sees all.
const AXE = ["verdict-holder", "score-one", "data"];

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

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

try {
  const page = await open(phone);
  const comeBack = async (lang, code) => {
    await page.goto(`${address}/${lang}/open/mine`);
    await page.fill("#code", code);
    await page.keyboard.press("Enter");
    await page.waitForSelector('form[action$="/judge"]');
  };
  await comeBack("ru", supporter);
  await look(page, "verdict-supporter");
  await page.check('input[value="not"]');
  await page.click('form[action$="/judge"] button');
  await page.waitForURL("**/judge");
  assert.equal(await page.locator('form[action$="/judge"]').count(), 0);
  await comeBack("en", holder);
  await look(page, "verdict-holder");
  await page.focus('input[value="mended"]');
  await page.keyboard.press("Space");
  await page.fill('form[action$="/judge"] textarea', "The cover is new, made up.");
  await page.click('form[action$="/judge"] button');
  await page.waitForURL("**/judge");
  await page.goto(`${address}/en/open/case/${report}`);
  assert.match(await page.locator("main").innerText(), /Counted as confirmed[\s\S]*Yes, mended[\s\S]*mended 0, partly 0, not mended 1/);
  await look(page, "verdict-case");
  await page.goto(`${address}/ru/open/score`);
  await look(page, "score");
  await page.goto(`${address}/ru/open/score/authority/water`);
  assert.match(await page.locator(".bar").first().getAttribute("aria-label"), /из 25 сообщённых/);
  await look(page, "score-one");
  await page.goto(`${address}/kk/open/score/category/manhole`);
  await look(page, "score-kk");
  await page.goto(`${address}/en/open/data`);
  await look(page, "data");
  if (shots) {
    const desk = await open({ viewport: { width: 1200, height: 800 } });
    await desk.goto(`${address}/en/open/score/authority/water`);
    await look(desk, "score-one-desktop");
    await desk.goto(`${address}/ru/open/case/${report}`);
    await look(desk, "verdict-case-desktop");
    const dark = await open({ ...phone, colorScheme: "dark" });
    await dark.goto(`${address}/kk/open/score`);
    await look(dark, "score-dark");
  }
  assert.deepEqual(foreign, []);
} finally {
  await browser.close();
}
