/** Places in a document. Whether one of them holds another place is told in the path's length. */
export class Places {
  readonly #below = new Map<string, Places>();
  #isOne = false;

  add(path: readonly PropertyKey[]): void {
    const [key, ...rest] = path;
    if (key === undefined) this.#isOne = true;
    else this.#at(String(key)).add(rest);
  }

  /** Whether the path is one of the places, or inside one. */
  holds(path: readonly PropertyKey[]): boolean {
    if (this.#isOne) return true;
    const [key, ...rest] = path;
    return key !== undefined && (this.#below.get(String(key))?.holds(rest) ?? false);
  }

  #at(key: string): Places {
    const known = this.#below.get(key);
    if (known !== undefined) return known;
    const made = new Places();
    this.#below.set(key, made);
    return made;
  }
}
