import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Keeps what programs printed and every sample as it came, so that a table can be checked later. */
export class Raw {
  readonly folder: string;
  #count = 0;

  /** Makes the folder. */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** A folder of its own within. */
  subfolder(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** The output of a program, under a running number. */
  output(what: string, text: string): void {
    this.#count += 1;
    const number = String(this.#count).padStart(4, "0");
    writeFileSync(join(this.subfolder("output"), `${number}-${what}.txt`), text);
  }

  /** A line of samples.jsonl. */
  sample(line: object): void {
    appendFileSync(join(this.folder, "samples.jsonl"), `${JSON.stringify(line)}\n`);
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }
}
