// The overlay that lists the keys. The dialog closes by Escape and its button
// by itself; a touch outside closes it too.

export class Help {
  constructor(dialog: HTMLDialogElement) {
    dialog.addEventListener("click", (e) => e.target === dialog && dialog.close());
    dialog.querySelector("button")?.addEventListener("click", () => dialog.close());
  }
}
