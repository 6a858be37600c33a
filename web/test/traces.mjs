// The page of what an original tells, as a person reads it on a phone and in
// the dark. Started by TestTracesInABrowser with the page's address.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [address] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });
const problems = [];
for (const options of [{ viewport: { width: 360, height: 740 } }, { colorScheme: "dark" }]) {
  const context = await browser.newContext({ ...options, bypassCSP: true });
  const page = await context.newPage();
  page.on("console", (m) => m.type() === "error" && problems.push(m.text()));
  await page.goto(address);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) problems.push(`${over} pixels too wide`);
  const way = await page.locator(".traces-way").evaluate((line) => [getComputedStyle(line).fill, line.getBoundingClientRect().height]);
  assert.equal(way[0], "none", "the way is drawn by the stylesheet");
  assert.ok(way[1] > 50, "the way has a shape");
  await page.locator(".scroll").focus();
  assert.ok(await page.evaluate(() => document.activeElement.className === "scroll"), "the table is reached by keyboard");
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of result.violations) problems.push(`${v.id}: ${v.nodes[0].html.slice(0, 160)}`);
  await context.close();
}
await browser.close();
assert.deepEqual(problems, []);
console.log("ok");
