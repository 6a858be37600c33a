// The few lines that make elements and find them.

type Child = Node | string;

/** Makes an element; on… members become listeners, the rest attributes. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | ((e: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** Finds an element that the page must have. */
export function must<T extends HTMLElement = HTMLElement>(root: ParentNode, selector: string): T {
  const node = root.querySelector<T>(selector);
  if (!node) throw new Error(`marker: the page lacks ${selector}`);
  return node;
}

/** The words of the page, from the catalogue. {0}, {1}, … are filled. */
export class Words {
  private readonly words: Record<string, string>;

  constructor(json: string) {
    this.words = JSON.parse(json) as Record<string, string>;
  }

  say(key: string, ...args: (string | number)[]): string {
    const text = this.words[key] ?? `«${key}»`;
    return text.replace(/\{(\d+)\}/g, (_, n: string) => String(args[Number(n)] ?? ""));
  }
}
