// Two officials in a real browser: one makes a passkey with a virtual
// authenticator on a small phone, one has a password, codes and no script.
// Started by Go's TestPasskeyInABrowser:
//
//	node test/office.mjs SITE TOKEN SECOND
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

const [site, token, second] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: flags });
const shots = process.env.KUA_SHOTS;
const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

async function look(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((v) => [name, v.id, v.nodes[0].html.slice(0, 200)]), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= page.viewportSize().width, `${name} is ${wide} px wide`);
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

/** The six digits of RFC 6238, as an authenticator makes them. */
function once(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/ /g, "")].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const sum = createHmac("sha1", key).update(step).digest();
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1e6).padStart(6, "0");
}

try {
  const context = await browser.newContext(phone);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const broken = [];
  page.on("pageerror", (e) => broken.push(e.message));
  page.on("request", (r) => new URL(r.url()).host === new URL(site).host || broken.push(r.url()));
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: false, automaticPresenceSimulation: true },
  });
  // Nobody's finger: it is said, and the page can be used on.
  await page.goto(`${site}/ru/open/office/enrol/${token}`);
  await look(page, "office-enrol");
  await page.locator("#passkey button").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("passkey-state").textContent !== "");
  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await page.locator("#passkey button").tap();
  await page.waitForURL(`${site}/ru/open/office/`);
  await look(page, "office");
  await page.goto(`${site}/ru/open/office/people`);
  await look(page, "office-people");
  // Out, and in again with the passkey alone.
  await page.locator("nav.office button").first().tap();
  await page.waitForURL(`${site}/ru/open/office/sign-in`);
  await look(page, "office-sign");
  await page.locator("#passkey button").tap();
  await page.waitForURL(`${site}/ru/open/office/`);
  await page.locator(".hits a").first().tap();
  await page.waitForSelector("details");
  const work = page.locator("details", { has: page.locator("#work-words") });
  await work.locator("summary").tap();
  await work.locator("button").tap();
  await page.waitForSelector("[role=status]");
  await look(page, "office-part");
  // A pledge, corrected; what everybody then reads of it.
  await page.goto(`${site}/ru/open/office/board`);
  await page.locator("summary").last().tap();
  await look(page, "office-board");
  await page.fill("#pledge-words", "Починим водокачку, выдумано");
  await page.fill("#due", "2030-01-05");
  await page.locator("#due").press("Enter");
  await page.waitForSelector("[role=status]");
  await page.locator(".hits a").first().tap();
  await page.locator("summary", { hasText: "Исправить" }).tap();
  await page.fill("#correct-words", "Починим водокачку у школы, выдумано");
  await page.fill("#correct-reason", "точнее");
  await look(page, "office-post");
  await page.locator("#correct-reason").locator("xpath=ancestor::form").locator("button").tap();
  await page.waitForSelector("[role=status]");
  await page.goto(`${site}/ru/open/authority/water`);
  await look(page, "authority");
  await page.locator(".hits a").first().tap();
  await page.waitForURL("**/open/case/*");
  await look(page, "pledge");
  await page.goto(`${site}/ru/open/ask/water`);
  await look(page, "ask");
  await page.fill("#words", "Когда починят? Инспектор требовал взятку, выдумано.");
  await page.locator("button.main").tap();
  await page.waitForSelector("input[name=aware]");
  await look(page, "ask-danger");
  // A template, from the keyboard; then two reports answered together with it.
  await page.goto(`${site}/ru/open/office/templates`);
  await page.fill("#title", "Авария, выдумано");
  await page.selectOption("#language", "ru");
  await page.fill("#words", "Обращение {number}: чиним, {date}.");
  await page.locator("#words").press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=status]");
  await look(page, "office-templates");
  await page.goto(`${site}/ru/open/office/calendar`);
  await look(page, "office-calendar");
  await page.goto(`${site}/ru/open/office/?state=all`);
  await page.locator("summary").first().tap();
  await look(page, "office-inbox");
  for (const box of await page.locator("input[name=part]").all()) await box.check();
  const chosen = await page.locator("input[name=part]").count();
  assert.ok(chosen > 2, `there are ${chosen} to choose`);
  await page.locator("form:has(input[name=part]) button").tap();
  await page.waitForSelector("#to");
  await page.locator("button[value=insert]").tap();
  await page.waitForFunction(() => document.getElementById("reason").value.includes("чиним"));
  await page.selectOption("#to", "answered_mended");
  await page.locator("button[value=look]").tap();
  await page.waitForSelector(".stop");
  await look(page, "office-bulk");
  const fit = await page.locator("input[name=part]").count();
  assert.ok(fit > 0 && fit < chosen, `${fit} of ${chosen} need no photo`);
  await page.locator("button[value=go]").tap();
  await page.waitForSelector("a.button.main");
  await look(page, "office-bulk-done");
  await page.goto(`${site}/ru/open/office/?state=closed`);
  assert.equal(await page.locator(".parts li").count(), fit);
  assert.equal(await page.evaluate(() => document.cookie), "", "a script can read the session");
  assert.deepEqual(broken, []);

  const plain = await browser.newContext({ ...phone, javaScriptEnabled: false });
  const night = await plain.newPage();
  night.setDefaultTimeout(20_000);
  await night.goto(`${site}/en/open/office/enrol/${second}`);
  assert.equal(await night.locator("#passkey").isVisible(), false);
  await night.fill("#password", "four words of no poem");
  await night.fill("#again", "four words of no poem");
  await night.fill("#once", once(await night.locator("strong.hash").textContent()));
  await night.locator("form:not(#passkey) button.main").tap();
  await night.waitForSelector(".codes");
  assert.equal(await night.locator(".codes li").count(), 10);
  if (shots) await night.screenshot({ path: path.join(shots, "office-codes.png"), fullPage: true });
  await night.locator("a.button.main").tap();
  await night.waitForURL(`${site}/en/open/office/`);
  await night.waitForSelector(".hits");
  // To a colleague, without a script.
  await night.locator(".hits a").first().tap();
  await night.selectOption("#person", { index: 1 });
  await night.locator("form[action$=assign] button").tap();
  await night.waitForSelector("[role=status]");
  await night.goto(`${site}/en/open/office/`);
  await night.locator("summary").first().tap();
  await night.selectOption("#who", { index: 2 });
  await night.locator("form[role=search] button").tap();
  await night.waitForURL(/who=0/);
  assert.equal(await night.locator(".parts li").count(), 0, "what somebody sees to is among what nobody does");
} finally {
  await browser.close();
}
