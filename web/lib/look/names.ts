/** Names of attached files. */

/** A name that tells nothing, with the ending that the file had. */
export function neutralName(name: string, n: number): string {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(name);
  return `file-${n}${ending ? "." + ending[1]!.toLowerCase() : ""}`;
}

/** The same bytes under another name. */
export function renamed(file: File, name: string): File {
  return new File([file], name, { type: file.type });
}
