// An official in a real browser, on a small phone, on the link of one report.
// Started by Go's TestAnsweringInABrowser:
//
//	node test/link.mjs LINK PHOTO
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [link, photo] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
const shots = process.env.KUA_SHOTS;

async function look(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

try {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const foreign = [];
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (r) => {
    if (new URL(r.url()).host !== new URL(link).host || r.headers().referer) foreign.push(`${r.url()} from ${r.headers().referer}`);
  });
  await page.goto(link);
  const top = await page.locator("form.card button.main").boundingBox();
  assert.ok(top.y < 2 * 740, `the way to say that it is mended begins ${top.y} px down`);
  await look(page, "link");
  // By keyboard alone: open the plan, choose a day, answer.
  const plan = page.locator("details", { has: page.locator("#on") });
  await plan.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.fill("#on", "2030-01-02");
  await look(page, "link-plan");
  await plan.locator("button").click();
  await page.waitForSelector("[role=status]");
  await look(page, "link-done");
  // A photo, a tap on the big one, and it is over.
  await page.setInputFiles("#photo", photo);
  await page.locator("form.card button.main").tap();
  await page.waitForSelector("[role=status]");
  assert.equal(await page.locator("form").count(), 0);
  await look(page, "link-closed");
  assert.deepEqual(foreign, []);
} finally {
  await browser.close();
}
