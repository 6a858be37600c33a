// A citizen under load: the browser does the work, or sends without it. Started by Go's TestWorkInABrowser:
//
//	node test/work.mjs ADDRESS
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [address] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;

// review gives a phone that shows the page before sending; stopped keeps its worker from beginning.
async function review(options = {}, stopped = false) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const wrong = [];
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
  if (stopped) await context.route(/lane-work-worker/, () => undefined); // never answered
  await page.goto(`${address}/en/open/tell/manhole`);
  await page.locator("#area").selectOption("south");
  await page.locator("input[type=radio]").first().check();
  await page.locator("#words").fill(`An open manhole by the school, made up: ${JSON.stringify(options)} ${stopped}`);
  await page.locator("button.main").click();
  await page.locator("#work").waitFor();
  return { page, wrong };
}

async function look(page, name) {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
}

// The work is done while the page is read, and the report goes its way.
{
  const { page, wrong } = await review();
  await page.locator("#work-send").click(); // also when the work is not done yet
  await page.getByRole("heading", { name: "It is sent" }).waitFor();
  assert.ok(!(await page.textContent("main")).includes("arithmetic"), "it was held, with its work done");
  assert.deepEqual(wrong, []);
}
// Whoever does not want to wait sends without it.
{
  const { page, wrong } = await review({}, true);
  await page.locator("#work-bar").waitFor();
  await page.locator("#work-send").click();
  await page.getByText("Your report goes by itself").waitFor();
  await look(page, "work-waits");
  await page.locator("#work-skip").click();
  await page.getByRole("heading", { name: "It is sent" }).waitFor();
  assert.ok((await page.textContent("main")).includes("without the arithmetic"));
  await look(page, "work-held");
  assert.deepEqual(wrong, []);
}
// Without scripts there is one button, and it says what will be.
{
  const { page } = await review({ javaScriptEnabled: false });
  assert.ok(await page.locator("#work-bar").isHidden());
  assert.ok(await page.locator("#work-skip").isHidden());
  if (shots) await page.screenshot({ path: path.join(shots, "work-bare.png"), fullPage: true });
  await page.locator("#work-send").click();
  await page.getByRole("heading", { name: "It is sent" }).waitFor();
  assert.ok((await page.textContent("main")).includes("without the arithmetic"));
}
await browser.close();
