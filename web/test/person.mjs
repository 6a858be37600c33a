// A person of a desk in a real browser, for the scripts that Go's tests start
// with the address of a desk, a name and a passphrase.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const [address, name, passphrase] = process.argv.slice(2);
export const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });

/** Requests that left for another host, and what pages complained of. */
export const foreign = [];
export const broken = [];

export async function person(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("request", (r) => new URL(r.url()).host === new URL(address).host || foreign.push(r.url()));
  page.on("pageerror", (e) => broken.push(`${page.url()}: ${e.message}`));
  page.on("console", (m) => m.type() === "error" && broken.push(`${page.url()}: ${m.text()}`));
  await page.goto(`${address}/en/sign-in`);
  await page.selectOption("#name", name);
  await page.fill("#passphrase", passphrase);
  await page.click("main button");
  await page.waitForURL(`${address}/en/`);
  return page;
}

/** What axe finds wrong with a page whose own policy was put aside, and by how much it is too wide. */
export async function problemsOf(page, label) {
  const problems = [];
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (over > 0) problems.push(`${label} is ${over} pixels too wide`);
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of result.violations) problems.push(`${label}: ${v.id}: ${v.nodes[0].html.slice(0, 160)}`);
  return problems;
}

const shots = process.env.KUA_SHOTS;
export const shot = async (page, name) => shots && (await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true }));
export const saved = (page) => page.waitForSelector('.marker-save[data-state="saved"]', { timeout: 10_000 });
export const unsaved = (page) => page.waitForSelector('.marker-save:not([data-state="saved"])', { timeout: 10_000 });
