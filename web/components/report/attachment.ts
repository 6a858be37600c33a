/** One attached file: as it was chosen, or what the person had made of it. */
import type { Door } from "../../lib/look/door.js";
import { neutralName, renamed } from "../../lib/look/names.js";
import type { Sheet } from "../../lib/look/sheet.js";

export class Attachment {
  private copy: File | undefined; // what was left when something was taken out
  private neutral = false;
  private shown: File;
  /** A copy is being made: nothing may be sealed meanwhile, or the original would be. */
  busy = false;

  constructor(
    private readonly original: File,
    private readonly number: () => number,
  ) {
    this.shown = original;
  }

  /** What will be sealed. */
  get file(): File {
    return this.shown;
  }

  /** Whether the desk must be told that this is not the file as the device wrote it. */
  get cleaned(): boolean {
    return this.copy !== undefined;
  }

  get changed(): boolean {
    return this.shown !== this.original;
  }

  /** The name that the person may give it instead. */
  get neutralName(): string {
    return neutralName(this.shown.name, this.number());
  }

  /** What the file that will be sealed tells. */
  async look(door: Door): Promise<Sheet> {
    const sheet = await door.look(this.shown);
    door.lookName(this.shown.name, sheet);
    return sheet;
  }

  /** Takes out what the file tells. On a fault it is as it was before. */
  async takeOut(door: Door, format: string): Promise<void> {
    this.busy = true;
    try {
      this.copy = await door.takeOut(this.original, format);
      this.choose();
    } finally {
      this.busy = false;
    }
  }

  rename(): void {
    this.neutral = true;
    this.choose();
  }

  /** Puts the original back, with its own name. */
  undo(): void {
    this.copy = undefined;
    this.neutral = false;
    this.choose();
  }

  private choose(): void {
    const file = this.copy ?? this.original;
    this.shown = this.neutral ? renamed(file, neutralName(file.name, this.number())) : file;
  }
}
