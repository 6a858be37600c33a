// What the browser tests stand on: the real program, a real browser, and a
// guard that fails a test when a page asks another host for anything.
import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const web = createRequire(path.join(root, "web", "package.json"));
const { chromium } = web("playwright-core");
const axePath = web.resolve("axe-core/axe.min.js");

export const shots = process.env.KUA_SHOTS || "";

/** Starts `kua demo` and waits until it is up: { url, desk, people, passphrase, receipt, stop }. */
export async function startDemo(dir) {
  const child = spawn(path.join(root, "bin", "kua"), ["demo", "--dir", dir, "--addr", "127.0.0.1:0", "--desk-addr", "127.0.0.1:0"], {
    env: { ...process.env, KUA_LANG: "en" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stderr.on("data", (b) => (err += b));
  const gone = new Promise((_, no) => child.on("exit", (code) => no(new Error(`kua demo ended with ${code}:\n${out}\n${err}`))));
  gone.catch(() => {});
  const up = new Promise((yes) => {
    child.stdout.on("data", (b) => {
      out += b;
      if (/Stop with Ctrl-C/.test(out)) yes();
    });
  });
  await Promise.race([up, gone]);
  const grab = (re) => {
    const m = out.match(re);
    if (!m) throw new Error(`${re} is not in:\n${out}`);
    return m;
  };
  const [, desk, first, second, passphrase] = grab(/desk:\s+(\S+)\s+people: (\S+), (\S+); passphrase: (.+)/);
  return {
    url: grab(/public:\s+(\S+)/)[1].replace(/\/$/, ""),
    desk: desk.replace(/\/$/, ""),
    people: [first, second],
    passphrase: passphrase.trim(),
    receipt: grab(/receipt: (\S+)\s*$/m)[1],
    dir,
    async stop() {
      const ended = new Promise((yes) => child.on("exit", yes));
      child.kill("SIGINT");
      await ended;
    },
  };
}

export async function temporary() {
  const dir = await mkdtemp(path.join(tmpdir(), "kua-e2e-"));
  return { dir, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A browser with its own profile, as Debian ships it. */
export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
export const laptop = { viewport: { width: 1280, height: 900 } };

/**
 * A page that may speak to its own host alone. strangers collects every other
 * request, complaints every error the page logs.
 */
export async function openPage(browser, base, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const strangers = [];
  const complaints = [];
  const host = new URL(base).host;
  page.on("request", (r) => {
    const u = new URL(r.url());
    if (!["data:", "blob:", "about:"].includes(u.protocol) && u.host !== host) strangers.push(r.url());
  });
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(String(e)));
  return { context, page, strangers, complaints };
}

/** axe's violations on the page as it is, as short lines. */
export async function axe(page) {
  // The page's own policy forbids scripts of others: axe runs in the debugger's world.
  const { readFile } = await import("node:fs/promises");
  const source = await readFile(axePath, "utf8");
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.evaluate(source);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  await session.send("Page.setBypassCSP", { enabled: false });
  return found.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(" ")).join("; ")})`);
}

export async function shot(page, name) {
  if (!shots) return;
  await mkdir(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: true });
}
