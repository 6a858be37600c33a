/** The plaintext of a parcel (spec/parcel.md): a tar with one BagIt bag, report.json first, and zeros behind it. */
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8, type Bytes } from "./bytes.js";
import { Fault } from "./fault.js";
import { hashText } from "./hash.js";
import { padme } from "./padme.js";
import type { ReportFile } from "./report.js";
import { end, entrySize, header, padding } from "./tar.js";

const READ = 512 << 10; // bytes read from a file at a time

const BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
const TAGS = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"] as const;
const TAG_MANIFEST = "tagmanifest-sha256.txt";
const REPORT = "data/report.json";

/** The part of a Blob or File that sealing needs. */
export interface Source {
  readonly size: number;
  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** The exact size of the plaintext, padding included, before anything is read. */
export function plainSize(report: Uint8Array, files: readonly ReportFile[]): number {
  return padme(bagSize(report, files));
}

function bagSize(report: Uint8Array, files: readonly ReportFile[]): number {
  const line = 64 + 2 + 1; // a hash, two spaces, the line's end
  let size = entrySize(report.length);
  let manifest = line + REPORT.length;
  for (const f of files) {
    size += entrySize(f.size);
    manifest += line + f.path.length;
  }
  const tags = TAGS.reduce((n, name) => n + line + name.length, 0);
  for (const n of [BAGIT.length, bagInfo(report, files).length, manifest, tags]) size += entrySize(n);
  return size + end().length;
}

function bagInfo(report: Uint8Array, files: readonly ReportFile[]): string {
  const bytes = files.reduce((n, f) => n + f.size, report.length);
  return `Payload-Oxum: ${bytes}.${files.length + 1}\n`;
}

/** The plaintext in the order of its bytes. Memory stays flat whatever the files' size. */
export async function* plaintext(report: Bytes, described: readonly ReportFile[], sources: readonly Source[]): AsyncGenerator<Bytes> {
  const total = plainSize(report, described);
  let done = 0;
  for await (const chunk of bag(report, described, sources)) {
    done += chunk.length;
    yield chunk;
  }
  const zeros = new Uint8Array(64 << 10);
  while (done < total) {
    const chunk = zeros.subarray(0, Math.min(zeros.length, total - done));
    done += chunk.length;
    yield chunk;
  }
  if (done !== total) throw new Error(`bag of ${done} bytes does not fit its plan of ${total}`);
}

async function* bag(report: Bytes, described: readonly ReportFile[], sources: readonly Source[]): AsyncGenerator<Bytes> {
  let manifest = `${hex(sha256(report))}  ${REPORT}\n`;
  yield* entry(REPORT, report);
  for (const [i, file] of described.entries()) {
    yield header("parcel/" + file.path, file.size);
    const hash = sha256.create();
    for await (const chunk of read(sources[i]!, file)) {
      hash.update(chunk);
      yield chunk;
    }
    yield new Uint8Array(padding(file.size));
    manifest += `${hex(hash.digest())}  ${file.path}\n`;
  }
  const texts = [BAGIT, bagInfo(report, described), manifest];
  let tagManifest = "";
  for (const [i, name] of TAGS.entries()) {
    yield* entry(name, utf8(texts[i]!));
    tagManifest += `${hashText(texts[i]!)}  ${name}\n`;
  }
  yield* entry(TAG_MANIFEST, utf8(tagManifest));
  yield end();
}

function* entry(path: string, content: Bytes): Generator<Bytes> {
  yield header("parcel/" + path, content.length);
  yield content;
  yield new Uint8Array(padding(content.length));
}

/** Reads a file in parts. A browser refuses to read a file that changed since it was chosen. */
async function* read(source: Source, file: ReportFile): AsyncGenerator<Bytes> {
  if (source.size !== file.size) throw new Fault("parcel.source_changed", [file.name]);
  for (let at = 0; at < file.size; at += READ) {
    const want = Math.min(READ, file.size - at);
    let part: Bytes;
    try {
      part = new Uint8Array(await source.slice(at, at + want).arrayBuffer());
    } catch (err) {
      throw new Fault("parcel.source_changed", [file.name], err);
    }
    if (part.length !== want) throw new Fault("parcel.source_changed", [file.name]);
    yield part;
  }
}
