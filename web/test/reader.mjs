// Somebody who got single files by messenger: opens each from the disk, in a browser
// that may ask nobody for anything. Arguments: a folder with good.html, bad-*.html.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile, readdir, mkdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const dir = process.argv[2];
const shots = process.env.KUA_SHOTS;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium-headless-shell", args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"] });

async function open(file, options = {}, before = () => {}) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, offline: true, ...options });
  const page = await context.newPage();
  await page.addInitScript(before);
  const asked = [];
  const complaints = [];
  page.on("request", (r) => !r.url().startsWith("data:") && asked.push(r.url()));
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  const address = pathToFileURL(path.join(dir, file)).href;
  await page.goto(address);
  return { context, page, complaints, strangers: () => asked.filter((a) => a !== address) };
}

async function shot(page, name) {
  if (!shots) return;
  await mkdir(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: true });
}

try {
  const { title, secret } = JSON.parse(await readFile(path.join(dir, "words.json"), "utf8"));

  const good = await open("good.html");
  await good.page.waitForSelector("main[data-result]");
  assert.equal(await good.page.getAttribute("main", "data-result"), "ok");
  assert.ok((await good.page.innerText("main")).includes(title), "the record's title is shown");
  assert.equal(await good.page.inputValue("select"), "kk", "the page opens in its own language");
  await good.page.selectOption("select", "en");
  const text = await good.page.innerText("main");
  for (const want of ["What this file holds fits together", "What such a file cannot prove", "A forged file can bring its own checker", "kua verify FILE"]) assert.ok(text.includes(want), want);
  await good.page.click("summary");
  assert.match(await good.page.innerText("main ul"), /is signed by Aigul, Botir; 2 were needed/);
  assert.equal(await good.page.locator("video[src^='data:video/mp4']").count(), 1);
  assert.equal(await good.page.locator("track[src^='data:text/vtt']").count(), 1);
  const wide = await good.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} pixels wider than a phone`);
  await good.page.addScriptTag({ content: "1" }).then(() => assert.fail("the page's policy lets strange scripts in"), () => {});
  const session = await good.context.newCDPSession(good.page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await good.page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
  const axe = await good.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(axe.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 90)).join(" ")}`), []);
  await shot(good.page, "reader-ok");
  assert.deepEqual(good.strangers(), [], "it asks nobody");
  await good.context.close();

  const bad = await open("bad-words.html");
  for (const file of (await readdir(dir)).filter((f) => f.startsWith("bad-"))) {
    await bad.page.goto(pathToFileURL(path.join(dir, file)).href);
    await bad.page.waitForSelector("main[data-result]");
    assert.equal(await bad.page.getAttribute("main", "data-result"), "bad", file);
    const said = await bad.page.innerText("body");
    assert.ok(!said.includes(title) && !said.includes(secret), `${file} shows what was not checked`);
    assert.equal(await bad.page.locator("video, img").count(), 0, file);
    await shot(bad.page, "reader-" + file);
  }
  assert.deepEqual(bad.strangers().filter((a) => !a.startsWith(pathToFileURL(dir).href + "/bad-")), []);
  await bad.context.close();

  // A phone of 2018 whose browser is updated no more has none of what came to browsers since.
  const old = await open("good.html", {}, () => {
    const since = [[Object, "hasOwn", "fromEntries", "groupBy"], [String.prototype, "replaceAll", "matchAll", "at", "trimEnd", "trimStart"],
      [Array.prototype, "at", "flat", "flatMap", "findLast", "toSorted"], [Promise, "any", "allSettled"], [self, "structuredClone", "queueMicrotask"],
      [Element.prototype, "replaceChildren"], [Uint8Array, "fromBase64", "fromHex"], [Uint8Array.prototype, "toBase64", "toHex"]];
    for (const [of, ...names] of since) for (const name of names) delete of[name];
  });
  await old.page.waitForSelector("main[data-result]");
  assert.equal(await old.page.getAttribute("main", "data-result"), "ok", "on an old phone");
  assert.deepEqual(old.complaints, []);
  await old.context.close();

  // Android's own viewer of files runs no scripts: the words are there, and that nothing was checked.
  const plain = await open("good.html", { javaScriptEnabled: false });
  const words = await plain.page.innerText("main");
  assert.ok(words.includes(title) && words.includes("kua verify"), "without a script the page says that it is not checked");
  assert.equal(await plain.page.locator("#state").count(), 1);
  await shot(plain.page, "reader-plain");
  await plain.context.close();
} finally {
  await browser.close();
}
