// A witness behind a link on which every connection freezes after 16 kB: the report
// page comes, seals, and what it sealed arrives; so does the page with the answers.
// On a good link nothing comes in parts. Started by Go's TestReportOverFreezingLink:
//
//	node test/frozen.mjs FROZEN GOOD TEXT
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [frozen, good, text] = process.argv.slice(2);
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// Chromium itself: its shell without windows names no language unasked, and a node knows browsers by that.
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });

// A page waits 20 s for a part, and the sending 47 s for a call of 32 kB, before they
// hold it for frozen. Here the clock of such waits goes four times as fast, in the page
// and in a worker that comes from a blob.
const hurry = () => {
  const faster = "{ const wait = setTimeout; globalThis.setTimeout = (f, ms, ...more) => wait(f, ms > 10_000 ? ms / 4 : ms, ...more); }\n";
  const script = (options) => options?.type === "text/javascript";
  globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      super(script(options) ? [faster, ...parts] : parts, options);
    }
  };
  const wait = setTimeout;
  globalThis.setTimeout = (f, ms, ...more) => wait(f, ms > 10_000 ? ms / 4 : ms, ...more);
};

/** A fresh phone, and what it asks for. It names its languages as phones do: by them the node knows a browser, and spares its connections. */
async function phone() {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, ignoreHTTPSErrors: true, locale: "ru-RU" });
  const page = await context.newPage();
  page.setDefaultTimeout(150_000);
  const asked = [];
  page.on("request", (r) => asked.push(new URL(r.url()).pathname));
  page.on("pageerror", (e) => assert.fail(String(e)));
  return { context, page, asked };
}

try {
  const easy = await phone();
  let bytes = 0;
  easy.page.on("requestfinished", async (r) => {
    const s = await r.sizes().catch(() => undefined);
    if (s) bytes += s.responseBodySize + s.responseHeadersSize;
  });
  await easy.page.goto(`${good}/ru/report`);
  await easy.page.waitForSelector("#to-receipt:enabled");
  assert.equal(easy.asked.filter((p) => p.includes("-part")).length, 0, "a good link gets nothing in parts");
  const scripts = easy.asked.filter((p) => p.endsWith(".js") || p.endsWith("/words"));
  assert.equal(new Set(scripts).size, scripts.length, "nor a script twice");
  console.log(`good link: ${easy.asked.length} requests, ${bytes} bytes`);
  await easy.context.close();

  const { context, page, asked } = await phone();
  await context.addInitScript(hurry);
  const began = Date.now();
  await page.goto(`${frozen}/ru/report`, { waitUntil: "commit" });
  await page.waitForSelector("#to-receipt:enabled");
  console.log(`frozen link: ready after ${Math.round((Date.now() - began) / 1000)} s, ${asked.length} requests`);
  assert.ok(asked.some((p) => p.includes("-part")), "the link froze nothing: the test is wrong");
  await page.check("input[name=what][value=beating]");
  await page.fill("#text", text);
  await page.click("#to-receipt");
  await page.waitForSelector("#step-receipt:not([hidden])");
  const groups = (await page.textContent("#receipt")).trim().split("-");
  await page.click("#written");
  for (const n of [1, 2]) await page.fill(`#check-${n}`, groups[Number(/\d/.exec(await page.textContent(`#check-${n}-label`))[0]) - 1]);
  await page.click("#seal-send");
  await page.waitForSelector("#step-done:not([hidden])");
  console.log(`frozen link: delivered after ${Math.round((Date.now() - began) / 1000)} s`);
  await page.goto(`${frozen}/ru/replies`, { waitUntil: "commit" });
  await page.waitForSelector("#fetch:enabled");
  console.log(`frozen link: answers after ${Math.round((Date.now() - began) / 1000)} s`);
  await context.close();
} finally {
  await browser.close();
}
