/** The test vectors that Go and TypeScript share. For tests only. */
import { readFileSync } from "node:fs";

const dir = process.env["KUA_VECTORS_DIR"] ?? "../spec/vectors";

export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(`${dir}/${name}.json`, "utf8")) as T;
}

export function vectorBytes(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(`${dir}/${file}`));
}
