import { type Fault } from "../../lib/fault.js";
import { type Checked, type File, type Media, type RecordDoc, type Text } from "../../lib/proof.js";

type Words = Record<string, string>;
type Held = Map<string, { file: File; data: string }>;

export function el(name: string, words?: string, ...children: Node[]): HTMLElement {
  const e = document.createElement(name);
  if (words) e.textContent = words;
  for (const c of children) e.appendChild(c);
  return e;
}

/** Shows what was checked, in the reader's language; nothing here is markup that came with a record. */
export class Reader {
  constructor(
    private readonly all: Record<string, Words>,
    private lang: string,
  ) {
    if (!all[lang]) this.lang = "en";
  }

  private t(key: string, ...args: (string | number)[]): string {
    const words = this.all[this.lang]![key] ?? key;
    return words.replace(/\{(\d)\}/g, (_, i: string) => String(args[Number(i)] ?? ""));
  }

  /** Throws the page away and says why nothing of it may be believed. */
  refuse(main: HTMLElement, fault: Fault): void {
    this.empty(main);
    const state = el("div", "", el("h1", this.t("reader.bad")), el("p", this.t("reader.bad.text")), el("p", [fault.key, ...fault.args].join(" ")));
    state.className = "state bad";
    state.setAttribute("role", "alert");
    main.appendChild(state);
    main.setAttribute("data-result", "bad");
  }

  show(main: HTMLElement, checked: Checked, media: Held): void {
    this.empty(main);
    document.documentElement.lang = this.all[this.lang]!["html"]!;
    main.appendChild(this.menu(main, checked, media));
    main.appendChild(this.result(checked, media));
    for (const r of checked.records) main.appendChild(this.record(r.record, media));
    main.appendChild(this.limits(checked));
    main.setAttribute("data-result", "ok");
  }

  private empty(main: HTMLElement): void {
    while (main.firstChild) main.removeChild(main.firstChild);
  }

  private menu(main: HTMLElement, checked: Checked, media: Held): HTMLElement {
    const select = document.createElement("select");
    for (const tag of Object.keys(this.all)) {
      const o = document.createElement("option");
      o.value = tag;
      o.textContent = this.all[tag]![""]!;
      o.selected = tag === this.lang;
      select.appendChild(o);
    }
    select.onchange = () => {
      this.lang = select.value;
      this.show(main, checked, media);
      main.querySelector("select")?.focus();
    };
    return el("label", this.t("reader.languages") + " ", select);
  }

  private result(c: Checked, media: Held): HTMLElement {
    const list = el("ul");
    const name = pick(c.charter.name, this.lang).words;
    list.appendChild(el("li", this.t("reader.chain", name, c.versions)));
    for (const r of c.records) {
      list.appendChild(el("li", this.t("reader.signed", r.record.id, r.signers.join(", "), r.needed)));
      list.appendChild(el("li", this.t("reader.logged", r.record.id, r.index, c.checkpoint.size, c.edition.number, c.edition.day)));
    }
    list.appendChild(el("li", this.t("reader.files", media.size)));
    const box = el("div", "", el("h1", this.t("reader.ok")), el("details", "", el("summary", this.t("reader.what")), list));
    box.className = "state ok";
    box.setAttribute("role", "status");
    return box;
  }

  /** What such a file cannot prove about itself, and where to go for it. */
  private limits(c: Checked): HTMLElement {
    const number = el("p", (c.id.match(/.{4}/g) ?? []).join(" "));
    number.className = "number";
    const box = el(
      "section", "",
      el("h2", this.t("reader.cannot")),
      el("p", this.t("reader.forged")), el("p", this.t("reader.number")), number,
      el("p", this.t("reader.later", c.edition.day)), el("p", this.t("reader.truth")),
    );
    const list = el("ul");
    const addresses = (c.charter.nodes ?? []).map((n) => n.url).concat(c.charter.mirrors ?? []).slice(0, 6);
    for (const a of addresses) {
      const link = document.createElement("a");
      link.href = a;
      link.rel = "noreferrer";
      link.textContent = a;
      list.appendChild(el("li", "", link));
    }
    if (c.charter.handle) list.appendChild(el("li", c.charter.handle));
    if (list.firstChild) {
      box.appendChild(el("p", this.t("reader.addresses")));
      box.appendChild(list);
    }
    return box;
  }

  private words(name: string, text: Text | undefined): HTMLElement {
    const w = pick(text ?? {}, this.lang);
    const e = el(name, w.words);
    if (w.lang !== this.lang) e.lang = this.all[w.lang]?.["html"] ?? w.lang;
    return e;
  }

  private quiet(words: string): HTMLElement {
    const p = el("p", words);
    p.className = "quiet";
    return p;
  }

  private record(r: RecordDoc, media: Held): HTMLElement {
    const a = el("article");
    const no = el("p", `${this.t("site.record.number", r.id)} · ${this.t("site.record.version", r.version)}`);
    no.className = "no";
    a.appendChild(no);
    a.appendChild(this.words("h1", r.title));
    const facts = el("p", [this.t("site.what." + r.what), [r.happened?.from, r.happened?.to].filter(Boolean).join(" – "), ""].filter(Boolean).join(" · "));
    facts.className = "facts";
    if (r.place?.words) {
      facts.appendChild(document.createTextNode(" · "));
      facts.appendChild(this.words("span", r.place.words));
    }
    facts.appendChild(document.createTextNode(" · " + this.t("site.record.published", r.day)));
    a.appendChild(facts);
    a.appendChild(this.words("p", r.summary));
    for (const m of r.media ?? []) a.appendChild(this.medium(m, media));
    if (r.known) a.appendChild(el("h2", this.t("site.section.known")));
    for (const k of r.known ?? []) a.appendChild(this.words("p", k));
    if (r.claims) {
      a.appendChild(el("h2", this.t("site.section.claims")));
      a.appendChild(this.quiet(this.t("site.record.claims")));
      for (const c of r.claims) a.appendChild(this.said(c.source, c.words, c.day));
    }
    a.appendChild(el("h2", this.t("site.section.answers")));
    if (!r.answers) a.appendChild(el("p", this.t("site.record.no_answer")));
    for (const s of r.answers ?? []) a.appendChild(this.said(s.authority, s.words, s.day));
    if (r.correction) {
      a.appendChild(el("h2", this.t("reader.correction")));
      a.appendChild(this.words("p", r.correction));
    }
    return a;
  }

  private said(source: Text, words: Text, day?: string): HTMLElement {
    const box = el("div", "", this.words("h3", source), this.words("p", words));
    box.className = "said";
    if (day) box.appendChild(this.quiet(day));
    return box;
  }

  private medium(m: Media, media: Held): HTMLElement {
    const at = (f: File | undefined) => {
      const h = f && media.get(f.sha256);
      return h ? `data:${h.file.type};base64,` + h.data : "";
    };
    const inside = m.files.filter((f) => media.has(f.sha256));
    const plays = inside.filter((f) => f.type !== "text/vtt")[0];
    const figure = el("figure");
    if (plays && /^(video|audio)\//.test(plays.type)) {
      const player = document.createElement(plays.type.startsWith("video") ? "video" : "audio") as HTMLVideoElement;
      player.controls = true;
      player.preload = "none";
      if (m.poster && at(m.poster) && plays.type.startsWith("video")) player.poster = at(m.poster);
      for (const f of inside.filter((f) => f.type === "text/vtt")) {
        const track = document.createElement("track");
        track.kind = "captions";
        track.srclang = track.label = f.language ?? "";
        track.src = at(f);
        player.appendChild(track);
      }
      player.src = at(plays);
      figure.appendChild(player);
    } else if (at(plays) || at(m.poster)) {
      const img = document.createElement("img");
      img.alt = "";
      img.src = at(plays) || at(m.poster);
      figure.appendChild(img);
    }
    const caption = el("figcaption");
    if (m.label) caption.appendChild(this.words("p", m.label));
    if (m.covered) {
      const p = this.quiet(this.t("site.media.covered") + " ");
      p.appendChild(this.words("span", m.covered));
      caption.appendChild(p);
    }
    if (!plays) caption.appendChild(this.quiet(this.t("reader.outside")));
    figure.appendChild(caption);
    return figure;
  }
}

/** The words that a reader of lang understands best: those of the language, Russian, English, any. */
function pick(text: Text, lang: string): { words: string; lang: string } {
  const tags = Object.keys(text);
  for (const want of [lang, lang.split("-")[0]!, "ru", "en", tags[0]?.toLowerCase() ?? ""]) {
    const tag = tags.find((t) => t.toLowerCase() === want);
    if (tag !== undefined) return { words: text[tag]!, lang: want };
  }
  return { words: "", lang };
}
