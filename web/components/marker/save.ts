// Saving while one works. Every change is sent after a short rest; the state
// is always visible, because work that looks saved and is not is the worst.

/** What the page tells about the work. */
export type SaveState = "saved" | "unsaved" | "saving" | "offline" | "conflict" | "locked" | "refused";

/** The answer to one attempt. */
export interface SaveAnswer {
  state: "saved" | "offline" | "conflict" | "locked" | "refused";
  version: number;
  message: string;
}

/** What the desk says beside that, such as what is still asked. */
export type Heard = (body: string, answer: object) => void;

/** Sends one document that was made on top of a version. */
export type Send = (body: string, version: number) => Promise<SaveAnswer>;

const restMS = 700;
const againMS = 4000;

/** Sends the newest body, one attempt at a time. */
export class Saver {
  state: SaveState = "saved";
  message = "";
  private waiting: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;

  constructor(
    private readonly send: Send,
    private version: number,
    private readonly changed: (state: SaveState, message: string) => void,
    private readonly rest = restMS,
  ) {}

  /** Takes a new body to save. */
  touch(body: string): void {
    this.waiting = body;
    if (this.state === "conflict") return; // a person decides first
    this.tell("unsaved");
    this.later(this.rest);
  }

  /** Saves over what somebody else saved: a person has said so. */
  overwrite(): void {
    if (this.state !== "conflict" || this.waiting === null) return;
    this.tell("unsaved");
    void this.flush();
  }

  /** Goes on from another version, with work that has what is new there in it. */
  rebase(version: number, body: string | null): void {
    this.version = version;
    if (body !== null) this.waiting = body;
    else if (this.state === "conflict") this.waiting = null;
    if (this.waiting === null) return this.tell(this.busy ? "saving" : "saved");
    this.tell("unsaved");
    this.later(this.rest);
  }

  /** Sends at once what is waiting. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    if (this.busy || this.waiting === null) return;
    const body = this.waiting;
    this.waiting = null;
    this.busy = true;
    this.tell("saving");
    const answer = await this.send(body, this.version);
    this.busy = false;
    if (answer.version > 0) this.version = answer.version;
    if (answer.state === "saved") {
      if (this.waiting !== null) this.later(0);
      else this.tell("saved");
      return;
    }
    this.waiting ??= body; // a newer one stands for it
    this.tell(answer.state, answer.message);
    if (answer.state === "offline") this.later(againMS);
  }

  /** Says whether closing the page now would lose something. */
  get dirty(): boolean {
    return this.busy || this.waiting !== null;
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private tell(state: SaveState, message = ""): void {
    this.state = state;
    this.message = message;
    this.changed(state, message);
  }
}

/** Sends with fetch to one address of the desk. */
export function poster(url: string, token: string, heard: Heard): Send {
  return async (body, version) => {
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Kua-Token": token, "Kua-Version": String(version) },
        body,
        redirect: "manual",
      });
    } catch {
      return { state: "offline", version: 0, message: "" };
    }
    const answer = (await response.json().catch(() => ({}))) as { version?: number; message?: string };
    const rest = { version: answer.version ?? 0, message: answer.message ?? "" };
    if (response.ok) {
      heard(body, answer);
      return { state: "saved", ...rest };
    }
    if (response.status === 409) return { state: "conflict", ...rest };
    if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) return { state: "locked", ...rest };
    if (response.status === 400 || response.status === 413 || response.status === 422) return { state: "refused", ...rest };
    return { state: "offline", ...rest };
  };
}
