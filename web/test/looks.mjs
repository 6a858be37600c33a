// Pages of the open lane, one on a small phone in the dark and the next on a desk in the light, for
// axe and for their width; each in all ways when pictures are wanted. Started by Go's TestPagesInABrowser:
//
//	node test/looks.mjs ADDRESS SESSION NAME=PATH…
//
// With a session the pages are an official's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";
import { scoreHeard } from "./heard.mjs";

const [address, session, ...pages] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;
const small = { width: 360, height: 740 };
const large = { width: 1280, height: 900 };
const ways = [
  { name: "phone-dark", viewport: small, colorScheme: "dark" },
  { name: "desk", viewport: large, colorScheme: "light" },
];
if (shots) ways.push({ name: "phone", viewport: small, colorScheme: "light" }, { name: "desk-dark", viewport: large, colorScheme: "dark" });

try {
  const wrong = [];
  for (const [turn, { name, ...way }] of ways.entries()) {
    const context = await browser.newContext(way);
    if (session) await context.addCookies([{ name: "kua-office", value: session, url: address }]);
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (e) => wrong.push(String(e)));
    page.on("request", (r) => new URL(r.url()).host === new URL(address).host || wrong.push(r.url()));
    for (const [i, one] of pages.entries()) {
      if (!shots && i % 2 !== turn) continue;
      const [label, at] = [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)];
      const answer = await page.goto(address + at);
      assert.equal(answer.status(), 200, at);
      if (label === "people") {
        await page.locator("button[value=reset]").first().click();
        await page.locator("button[value=reset_yes]").waitFor();
      }
      if (label.startsWith("appeals")) await scoreHeard(page, label);
      if (shots) await page.screenshot({ path: path.join(shots, `${label}-${name}.png`), fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > way.viewport.width) wrong.push(`${label} is ${wide} px wide (${name})`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const v of found.violations) wrong.push(`${label} (${name}): ${v.id}: ${v.nodes[0].html.slice(0, 200)}`);
    }
    await context.close();
  }
  assert.deepEqual(wrong, []);
} finally {
  await browser.close();
}
