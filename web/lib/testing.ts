/** Small things that several tests need. For tests only. */
import { plaintext, type Source } from "./bag.js";
import { concat, fromBase64, type Bytes } from "./bytes.js";
import { describe, reportBytes, type ReplyTo, type ReportFile, type Story } from "./report.js";

export async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const one of all) got.push(one);
  return got;
}

/** A parcel's parts from the vector's description. */
export function bagOf(v: { report: Story & ReplyTo & { written: string }; files: { name: string; type: string; base64: string }[] }): {
  report: Bytes;
  described: ReportFile[];
  sources: Source[];
} {
  const contents = v.files.map((f) => fromBase64(f.base64)!);
  const described = describe(v.files.map((f, i) => ({ ...f, size: contents[i]!.length })));
  const story = { ...v.report, when: v.report.when ?? "", fear: v.report.fear ?? "" };
  return { report: reportBytes(story, v.report, described, v.report.written), described, sources: contents.map((c) => new Blob([c])) };
}

export async function plainBytes(report: Bytes, described: ReportFile[], sources: Source[]): Promise<Bytes> {
  return concat(...(await collect(plaintext(report, described, sources))));
}
