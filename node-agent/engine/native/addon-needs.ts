/** What a compiled addon asks of its host. */
export interface AddonNeeds {
  /** As `process.arch` calls it, or the machine's number in ELF when it is another one. */
  readonly arch: string;
  /** The newest version of glibc that it takes something from; undefined when it needs none. */
  readonly glibc: string | undefined;
}

const machines: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };
const versionNeeds = 0x6f_ff_ff_fe;

/**
 * Reads the needs of a 64-bit little-endian shared object: System V ABI, chapter 4 (ELF header and
 * section header), and the version needs that the linker of GNU writes (Linux Standard Base, 10.7.2).
 *
 * @returns undefined for anything else
 */
export function readAddonNeeds(file: Uint8Array): AddonNeeds | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    const isElf64 = view.getUint32(0) === 0x7f_45_4c_46 && view.getUint16(4) === 0x02_01;
    if (!isElf64) return undefined;
    const machine = view.getUint16(18, true);
    return { arch: machines[machine] ?? `machine ${machine}`, glibc: newestGlibc(view) };
  } catch (error) {
    // It ends before what it announces.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Orders versions like `2.9` and `2.32`. */
export function isNewerVersion(one: string, than: string): boolean {
  const [a, b] = [partsOf(one), partsOf(than)];
  const at = a.findIndex((part, index) => part !== (b[index] ?? 0));
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}

function partsOf(version: string): readonly number[] {
  return version.split(".").map(Number);
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly link: number;
  readonly entries: number;
}

function newestGlibc(view: DataView): string | undefined {
  const sections = sectionsOf(view);
  const needs = sections.find(({ type }) => type === versionNeeds);
  const texts = needs && sections[needs.link];
  if (needs === undefined || texts === undefined) return undefined;
  const versions = neededNames(view, needs)
    .map((name) => textAt(view, texts.offset + name))
    .flatMap((text) => (text.startsWith("GLIBC_") ? [text.slice("GLIBC_".length)] : []));
  return versions.reduce<string | undefined>(
    (newest, one) => (newest === undefined || isNewerVersion(one, newest) ? one : newest),
    undefined,
  );
}

function sectionsOf(view: DataView): readonly Section[] {
  const start = Number(view.getBigUint64(40, true));
  const [size, count] = [view.getUint16(58, true), view.getUint16(60, true)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      link: view.getUint32(at + 40, true),
      entries: view.getUint32(at + 44, true),
    };
  });
}

/** Places of the versions' names, over all libraries that something is needed from. */
function neededNames(view: DataView, needs: Section): readonly number[] {
  const names: number[] = [];
  let library = needs.offset;
  for (let left = needs.entries; left > 0; left -= 1) {
    let version = library + view.getUint32(library + 8, true);
    for (let more = view.getUint16(library + 2, true); more > 0; more -= 1) {
      names.push(view.getUint32(version + 8, true));
      version += view.getUint32(version + 12, true);
    }
    library += view.getUint32(library + 12, true);
  }
  return names;
}

function textAt(view: DataView, from: number): string {
  let to = from;
  while (view.getUint8(to) !== 0) to += 1;
  return Buffer.from(view.buffer, view.byteOffset + from, to - from).toString("latin1");
}
