// Debian's Firefox, by Marionette, through which WebDriver's own server speaks with it. It
// has a folder of its own for what it keeps, in which the tests look afterwards.
import { connect } from "node:net";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Page, pause, started } from "./webdriver.mjs";

const BASE = {
  "marionette.port": 0,
  "browser.sessionstore.interval": 1_000, // what it keeps of its windows it writes every second, and not every fifteen
  "browser.sessionstore.interval.idle": 1_000,
  "browser.sessionstore.resume_from_crash": true,
  "browser.shell.checkDefaultBrowser": false,
  "browser.aboutwelcome.enabled": false,
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.normandy.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "browser.download.folderList": 2,
  "browser.download.alwaysOpenPanel": false,
  "media.autoplay.default": 0,
};

/** What Tor Browser changes: nothing is kept, and nobody is to be told from others. */
export const TOR = {
  "browser.privatebrowsing.autostart": true,
  "privacy.resistFingerprinting": true,
  "privacy.firstparty.isolate": true,
  "media.peerconnection.enabled": false,
  "geo.enabled": false,
};

/** … and at its level "safer": no compiled scripts, no WebAssembly. */
export const SAFER = {
  ...TOR,
  "javascript.options.ion": false,
  "javascript.options.baselinejit": false,
  "javascript.options.native_regexp": false,
  "javascript.options.wasm": false,
  "javascript.options.asmjs": false,
  "mathml.disabled": true,
  "svg.disabled": false,
};

/** Opens a page in a window of a size; home is a folder for what the browser keeps. */
export async function openFirefox({ width, height, home, prefs = {} }) {
  const downloads = path.join(home, "downloads");
  await mkdir(downloads);
  const all = { ...BASE, "browser.download.dir": downloads, ...prefs };
  await writeFile(path.join(home, "user.js"), Object.entries(all).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));
  const [child, line] = await started(process.env.FIREFOX || "firefox-esr", ["--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", home], { stdio: "ignore" }, async () => {
    for (;;) {
      const port = await readFile(path.join(home, "MarionetteActivePort"), "utf8").catch(() => "");
      if (port) return marionette(Number(port));
      await pause(50);
    }
  });
  const call = (name, parameters) => line(`WebDriver:${name}`, name === "TakeScreenshot" ? { full: true, hash: false } : parameters);
  const { capabilities } = await call("NewSession", { capabilities: { alwaysMatch: { timeouts: { script: 60_000, pageLoad: 60_000 } } } });
  let over;
  const close = () => (over ??= line("Marionette:Quit", { flags: ["eForceQuit"] }).catch(() => child.kill()).then(() => child.over));
  /** What a function gives with the browser's own rights. */
  const inside = async (f, argument = null) => {
    await line("Marionette:SetContext", { value: "chrome" });
    try {
      return await call("ExecuteScript", { script: `return (${f})(arguments[0]);`, args: [argument] });
    } finally {
      await line("Marionette:SetContext", { value: "content" });
    }
  };
  /** Gives the page a size: a window of Firefox has no less than 450 px. */
  const resize = (size) => inside((want) => {
    for (const side of ["width", "height"]) for (const bound of ["min", "max"]) gBrowser.selectedBrowser.style.setProperty(`${bound}-${side}`, `${want[side]}px`);
  }, size);
  await call("SetWindowRect", { width: 1400, height: 1100 });
  await resize({ width, height });
  await inside(watch);
  return { page: new Page(call), close, kill: () => (child.kill("SIGKILL"), child.over), inside, resize, downloads, complaints: () => inside(complaints), strangers: () => inside(strangers), version: `Firefox ${capabilities.browserVersion}` };
}

/** Notes, in the browser itself, whom pages ask. */
function watch() {
  gBrowser.kuaAsked = [];
  Services.obs.addObserver({ observe(request) {
    const channel = request.QueryInterface(Ci.nsIHttpChannel);
    if (channel.loadInfo.loadingPrincipal?.isContentPrincipal && channel.URI.host !== "127.0.0.1") gBrowser.kuaAsked.push(channel.URI.spec);
  } }, "http-on-modify-request");
}

function strangers() {
  return gBrowser.kuaAsked;
}

/** Errors that pages made. */
function complaints() {
  const own = (m) => m instanceof Ci.nsIScriptError && !(m.flags & m.warningFlag) && /^(http:..127|blob:|file:)/.test(m.sourceName);
  return Services.console.getMessageArray().filter(own).map((m) => `${m.sourceName}: ${m.errorMessage}`);
}

/** A line to Firefox: a call takes a command's name and parameters. Every message is its length, a colon, JSON. */
async function marionette(port) {
  const socket = connect(port, "127.0.0.1");
  const waiting = new Map();
  let last = 0;
  let rest = Buffer.alloc(0);
  let greeted;
  const ready = new Promise((yes) => (greeted = yes));
  const gone = (err) => {
    for (const { no } of waiting.values()) no(err ?? new Error("Firefox is gone"));
    waiting.clear();
  };
  socket.on("error", gone).on("close", () => gone());
  socket.on("data", (b) => {
    rest = Buffer.concat([rest, b]);
    for (;;) {
      const colon = rest.indexOf(":");
      const end = colon + 1 + Number(rest.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || rest.length < end) return;
      const message = JSON.parse(rest.subarray(colon + 1, end));
      rest = rest.subarray(end);
      if (!Array.isArray(message)) {
        greeted();
        continue;
      }
      const [, id, error, result] = message;
      const { name, yes, no } = waiting.get(id);
      waiting.delete(id);
      if (error) no(new Error(`${name}: ${error.error}: ${error.message}`));
      else yes(result && "value" in result ? result.value : result);
    }
  });
  await ready;
  return (name, parameters = {}) => new Promise((yes, no) => {
    waiting.set(++last, { name, yes, no });
    const text = JSON.stringify([0, last, name, parameters]);
    socket.write(`${Buffer.byteLength(text)}:${text}`);
  });
}

/** The files below a folder in which any of the words stands, packed ones too. */
export async function holding(dir, words) {
  const found = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    const plain = bytes.subarray(0, 8).toString("latin1") === "mozLz40\0" ? unpacked(bytes.subarray(12), bytes.readUInt32LE(8)) : bytes;
    for (const word of words) {
      if (plain.includes(word) || plain.includes(Buffer.from(word, "utf16le"))) found.push(`${word} in ${path.relative(dir, file)}`);
    }
  }
  return found;
}

/** One block of LZ4, as Firefox packs what it keeps of its windows. */
function unpacked(from, size) {
  const out = Buffer.alloc(size);
  let at = 0;
  let to = 0;
  const length = (n) => {
    if (n === 15) for (let more = 255; more === 255; ) n += more = from[at++];
    return n;
  };
  while (at < from.length) {
    const token = from[at++];
    const plain = length(token >> 4);
    to += from.copy(out, to, at, at + plain);
    at += plain;
    if (at >= from.length) break;
    const back = from.readUInt16LE(at);
    at += 2;
    for (let n = length(token & 15) + 4; n > 0; n--) out[to] = out[to++ - back];
  }
  return out;
}
