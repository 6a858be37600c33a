/** What a person reads when something is wrong: a key of the catalogue and its arguments, as in Go's package fault. */
export class Fault extends Error {
  constructor(readonly key: string, readonly args: readonly (string | number)[] = [], cause?: unknown) {
    super([key, ...args].join(" ") + (cause instanceof Error ? `: ${cause.message}` : ""));
    this.name = "Fault";
  }
}

/** The fault in an error; what has none is a fault of the program. */
export function faultOf(err: unknown): Fault {
  return err instanceof Fault ? err : new Fault("page.internal", [], err);
}
