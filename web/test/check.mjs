// A checker on a small phone, in a real browser: the queue, a report that waits
// with its photo, merging with a look at both, withdrawing by keyboard, and the
// numbers that everybody reads. Started by Go's TestCheckingInABrowser:
//
//	node test/check.mjs ADDRESS TOKEN HELD TWIN STAYS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [address, token, held, twin, stays] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;

// look holds a page against axe, its width, and that no script is on it.
async function look(page, name) {
  assert.equal(await page.locator("script").count(), 0, `${name} has a script`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

try {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const told = [];
  page.on("request", (r) => {
    if (r.headers().referer?.includes(token)) told.push(r.url());
    if (new URL(r.url()).host !== new URL(address).host) told.push(r.url());
  });
  const queue = `${address}/ru/open/check/${token}`;
  await page.goto(queue);
  await look(page, "check-queue");
  await page.goto(`${queue}/${twin}`);
  await page.fill("#other", stays);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/${twin}?into=${stays}`);
  await look(page, "check-both");
  if (shots) {
    await page.setViewportSize({ width: 1200, height: 900 });
    await look(page, "check-both-wide");
    await page.setViewportSize({ width: 360, height: 740 });
  }
  await page.focus('button[value="merge"]');
  await page.keyboard.press("Enter");
  await page.waitForURL("**?done=1");
  assert.match(await page.getByRole("status").innerText(), /принято/);
  await page.click(`a[href$="/${held}"]`);
  assert.ok(await page.locator(".shots img").evaluate((i) => i.decode().then(() => i.naturalWidth > 0)), "the photo is not shown");
  await look(page, "check-one");
  await page.selectOption("#ground", "persons");
  await page.fill("#reason", "Уберите номер и сообщите снова");
  await page.focus('button[value="withdraw"]');
  await page.keyboard.press("Enter");
  await page.waitForURL("**?done=1");
  await page.goto(`${address}/ru/open/case/${held}`);
  assert.match(await page.innerText("main"), /Уберите номер/);
  await look(page, "check-withdrawn");
  await page.goto(`${address}/ru/open/moderation`);
  await look(page, "moderation");
  assert.deepEqual(told, []);
} finally {
  await browser.close();
}
