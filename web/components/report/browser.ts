/** What sealing needs of a browser. */

/** The key of the sentence that says why this browser cannot seal, or null. */
export function lacks(): "report.insecure" | "report.too_old" | null {
  if (self.isSecureContext === false) return "report.insecure";
  const has =
    typeof Worker === "function" && typeof BigInt === "function" && typeof fetch === "function" && typeof AbortController === "function" &&
    typeof ReadableStream === "function" && typeof TransformStream === "function" && typeof Blob.prototype.arrayBuffer === "function" &&
    typeof crypto?.getRandomValues === "function" && typeof TextDecoder === "function";
  return has ? null : "report.too_old";
}
