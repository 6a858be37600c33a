// A phone without internet and a courier's laptop, which falls in the middle: the
// real program and a real browser. Started by handover.txtar:
//
//	node handover.mjs report FOLDER CHARTER FILM SEALED OUT     writes the receipts to OUT
//	node handover.mjs replies FOLDER RECEIPT TEXT
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { axe, openBrowser, openPage, phone, shot } from "./harness.mjs";

const [part, folder, ...rest] = process.argv.slice(2);

const freePort = () => new Promise((yes) => {
  const s = createServer().listen(0, "127.0.0.1", () => {
    const { port } = s.address();
    s.close(() => yes(port));
  });
});
const [port, plain, screen] = [await freePort(), await freePort(), await freePort()];
const base = `https://127.0.0.1:${port}`;
let child;
let said = "";
let complained = "";

/** Starts the laptop, the same as before, and waits until it says where it is. */
async function start(...more) {
  const args = ["courier", "receive", folder, "--addr", `127.0.0.1:${port}`, "--host", "127.0.0.1", "--plain", `127.0.0.1:${plain}`, "--screen", `127.0.0.1:${screen}`, "--identity", `${folder}.pem`, ...more];
  const mine = spawn("kua", args, { stdio: ["ignore", "pipe", "pipe"] });
  child = mine;
  mine.ended = new Promise((yes) => mine.on("exit", yes));
  mine.stderr.on("data", (b) => (complained += b));
  let heard = "";
  const up = new Promise((yes) => mine.stdout.on("data", (b) => ((heard += b), (said += b), /on this screen/.test(heard) && yes(true))));
  assert.ok(await Promise.race([up, mine.ended.then(() => false)]), `the laptop ended: ${complained}`);
}

async function stop(how) {
  child.kill(how);
  await child.ended;
}

const browser = await openBrowser();

/** A page of the phone, whose person has gone past the warning. */
async function open(options = {}) {
  const p = await openPage(browser, base, { ...phone, ignoreHTTPSErrors: true, ...options });
  p.page.setDefaultTimeout(60_000);
  return p;
}

async function look(p, name) {
  assert.deepEqual(await axe(p.page), [], name);
  const { width } = p.page.viewportSize();
  assert.ok((await p.page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${name} is wider than ${width} px`);
  await shot(p.page, name);
}

const step = (page, name) => page.waitForSelector(`#step-${name}:not([hidden])`);

/** Fills the form in, takes the receipt through, and presses "Seal and send". */
async function seal(page, text, files, lang = "en") {
  await page.goto(`${base}/${lang}/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await page.check(`input[name=what][value=${files ? "beating" : "threat"}]`);
  await page.fill("#text", text);
  if (files) await page.setInputFiles("#files", files);
  await page.click("#to-receipt");
  await step(page, "receipt");
  const receipt = (await page.textContent("#receipt")).trim();
  await page.click("#written");
  for (const n of [1, 2]) await page.fill(`#check-${n}`, receipt.split("-")[Number(/\d/.exec(await page.textContent(`#check-${n}-label`))[0]) - 1]);
  await page.click("#seal-send");
  return receipt;
}

const kept = (page) => page.evaluate(async () => {
  const files = [];
  for await (const n of (await navigator.storage.getDirectory()).keys()) files.push(n);
  return { files, local: localStorage.length, cookies: document.cookie };
});
const nothing = { files: [], local: 0, cookies: "" };

// The laptop's own screen names the very certificate that a phone meets, and a phone
// that was not told to go on does not.
async function screens() {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await new Promise((yes) => socket.once("secureConnect", yes));
  const met = socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase();
  socket.destroy();
  assert.ok(said.replaceAll(" ", "").includes(met), "the terminal shows the fingerprint");
  const p = await openPage(browser, `http://127.0.0.1:${screen}`, phone);
  await p.page.goto(`http://127.0.0.1:${screen}/en/`);
  assert.equal((await p.page.textContent("code.number")).replace(/\s/g, ""), met);
  assert.match(await p.page.textContent("main"), new RegExp(`https://127\\.0\\.0\\.1:${port}/`));
  await look(p, "handover-screen");
  await p.context.close();
  const stranger = await openPage(browser, base, phone);
  await assert.rejects(stranger.page.goto(`${base}/en/`), /ERR_CERT/);
  await stranger.context.close();
}

// A film, while the laptop is killed in the middle and the page is loaded anew.
async function film(file) {
  const p = await open();
  const { page } = p;
  await page.goto(`${base}/en/`);
  await look(p, "handover-front");
  let brought = 0;
  await page.route("**/pieces/**", (r) => (r.request().method() === "PUT" && ++brought > 3 ? r.abort() : r.continue()));
  await seal(page, "kanarejka-film", [file]);
  await page.waitForSelector("#save:not([hidden])");
  await page.waitForFunction(() => document.getElementById("held").value > 0);
  await stop("SIGKILL");
  await start();
  await page.unroute("**/pieces/**");
  await page.reload();
  await page.waitForSelector("#left:not([hidden])");
  const sent = [];
  page.on("request", (r) => r.method() === "PUT" && sent.push(r.url()));
  await page.click("#left-go");
  await step(page, "done");
  const { pieces } = JSON.parse(await page.textContent("#ack-document"));
  assert.ok(sent.length > 0 && sent.length < pieces, `${sent.length} of ${pieces} pieces came again`);
  const done = await page.innerText("#step-done");
  assert.match(done, /The courier carries it now/);
  assert.match(done, /does not have it yet/);
  assert.doesNotMatch(done, /server has|Everything has been delivered/);
  assert.deepEqual(await kept(page), nothing, "the phone keeps nothing");
  await look(p, "handover-done");
  await p.context.close();
}

// Words alone, while the laptop is away: the page goes on by itself when it is back.
async function words() {
  const p = await open();
  const { page } = p;
  await page.goto(`${base}/en/report`);
  await page.waitForSelector("#to-receipt:enabled");
  await page.waitForFunction(() => performance.getEntriesByType("resource").length > 0);
  await look(p, "handover-report");
  let asked;
  const tried = new Promise((yes) => (asked = yes));
  await page.route("**/whole/**", async (r) => {
    await stop("SIGKILL");
    await r.abort();
    asked();
  });
  const receipt = await seal(page, "kanarejka-words");
  await tried;
  await page.waitForSelector("#waiting:not([hidden])");
  await shot(page, "handover-waiting");
  await page.unroute("**/whole/**");
  await start();
  await step(page, "done");
  assert.equal((await page.textContent("#receipt-last")).trim(), receipt);
  assert.deepEqual(await kept(page), nothing);
  assert.deepEqual(p.strangers, []);
  await p.context.close();
  return receipt;
}

// A file that was sealed before, with scripts off: with the certificate and without.
async function sealedFile(sealed, notSealed) {
  for (const at of [base, `http://127.0.0.1:${plain}`]) {
    const p = await openPage(browser, at, { ...phone, ignoreHTTPSErrors: true, javaScriptEnabled: false });
    const { page } = p;
    await page.goto(`${at}/en/sealed`);
    await page.setInputFiles("#sealed", notSealed);
    await page.click("button.main");
    assert.match(await page.innerText("[role=alert]"), /is not sealed. Nothing of it was kept/);
    await page.setInputFiles("#sealed", sealed);
    await page.click("button.main");
    assert.match(await page.innerText("main"), /The courier carries it now/);
    assert.deepEqual(p.strangers, []);
    if (at !== base) {
      await page.goto(`${at}/en/`);
      assert.match(await page.innerText(".stop"), /not encrypted/);
      await shot(page, "handover-plain");
      for (const name of ["report", "replies"]) assert.equal((await page.goto(`${at}/en/${name}`)).status(), 404, `${name} without a certificate`);
    }
    await p.context.close();
  }
}

async function replies(receipt, text) {
  const p = await open();
  const { page } = p;
  await page.goto(`${base}/en/replies`);
  await page.waitForSelector("#fetch:enabled");
  await page.fill("#receipt", receipt);
  await page.click("#fetch");
  await page.waitForSelector("#answers:not([hidden])");
  assert.deepEqual(await page.locator("#list li").allTextContents(), [text]);
  await look(p, "handover-answer");
  await page.fill("#receipt", "babab-babab-babab-babab-babab-badij");
  await page.click("#fetch");
  await page.waitForSelector("#none:not([hidden])");
  assert.match(await page.innerText("#none"), /in this courier’s folder/);
  assert.deepEqual(await kept(page), nothing);
  assert.deepEqual([p.strangers, p.complaints], [[], []]);
  await p.context.close();
}

try {
  if (part === "replies") {
    await start();
    await replies(...rest);
  } else {
    const [charter, dashcam, sealed, out] = rest;
    await start("--charter-file", charter);
    await screens();
    await film(dashcam);
    const receipt = await words();
    await sealedFile(sealed, dashcam);
    writeFileSync(out, receipt);
    const shown = execFileSync("kua", ["courier", "show", folder], { encoding: "utf8" });
    assert.match(shown, /Sealed reports: 3, /);
  }
  assert.equal(complained, "", "the laptop writes nothing down");
  assert.ok(!/\b(GET|PUT|POST)\b/.test(said), "nor says who came");
} finally {
  await browser.close();
  child?.kill("SIGKILL");
}
