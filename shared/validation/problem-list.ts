import {
  problemDetailCharsMax,
  problemPointerCharsMax,
  problemsBytesMax,
  problemsPerCheckMax,
} from "../base/limits.ts";
import { pointerOf, type Problem } from "../base/problem.ts";
import type { ProblemCode } from "../definition/problem-code.ts";

/** What is wrong, without the place. */
export interface Wrong {
  readonly code: ProblemCode;
  readonly detail: string;
}

/** A problem before it is listed: its texts are not made yet. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly wrong: () => Wrong;
}

/** Room for the last problem, which says how many are not listed. */
const summaryBytes = 256;

/**
 * The problems of one answer, bounded in number, in bytes, and each in its pointer and detail. What
 * does not fit any more is only counted, so that a hostile document costs no more than a slip.
 */
export class ProblemList {
  readonly #listed: { readonly problem: Problem; readonly bytes: number }[] = [];
  #bytes = 0;
  #notListed = 0;

  /** Lists what was found, or counts it; texts are made for what is listed. */
  add({ path, wrong }: Finding): void {
    if (this.#notListed > 0) this.#notListed += 1;
    else this.#list({ pointer: pointerWithin(path), ...wrong() }, path);
  }

  /** Lists a problem that has its texts, or counts it. */
  addProblem(problem: Problem): void {
    if (this.#notListed > 0) this.#notListed += 1;
    else this.#list(problem, []);
  }

  /** What is listed; the last one says how many are not. */
  problems(): readonly Problem[] {
    const isWhole = this.#notListed === 0;
    while (!isWhole && !this.#hasRoomForSummary()) this.#unlistLast();
    const problems = this.#listed.map(({ problem }) => problem);
    return isWhole ? problems : [...problems, summaryOf(this.#notListed)];
  }

  #list(problem: Problem, path: readonly PropertyKey[]): void {
    const shown = withinBounds(problem, path);
    const bytes = new TextEncoder().encode(JSON.stringify(shown)).byteLength + 1;
    if (this.#listed.length === problemsPerCheckMax || this.#bytes + bytes > problemsBytesMax) {
      this.#notListed += 1;
      return;
    }
    this.#listed.push({ problem: shown, bytes });
    this.#bytes += bytes;
  }

  #hasRoomForSummary(): boolean {
    const { length } = this.#listed;
    return length < problemsPerCheckMax && this.#bytes + summaryBytes <= problemsBytesMax;
  }

  #unlistLast(): void {
    this.#bytes -= this.#listed.pop()?.bytes ?? 0;
    this.#notListed += 1;
  }
}

/** As much of these problems as one answer lists; a list that is bounded already stays as it is. */
export function boundedProblems(problems: readonly Problem[]): readonly Problem[] {
  const list = new ProblemList();
  for (const problem of problems) list.addProblem(problem);
  return list.problems();
}

function summaryOf(notListed: number): Problem {
  const detail = `${notListed} more problems are not listed`;
  return { pointer: "", code: "too-many-problems", detail };
}

function withinBounds(problem: Problem, path: readonly PropertyKey[]): Problem {
  const pointer = cutPointer(problem.pointer);
  const isCut = pointer !== problem.pointer || isDeeper(pointer, path);
  const detail = isCut ? `${problem.detail} (further inside: the pointer is cut)` : problem.detail;
  return { ...problem, pointer, detail: cutDetail(detail) };
}

/** A pointer is cut between two of its parts: it still points to where the problem is inside. */
function pointerWithin(path: readonly PropertyKey[]): string {
  let pointer = "";
  for (const key of path) {
    // No more of a key than shows that it does not fit.
    const part = pointerOf([String(key).slice(0, problemPointerCharsMax)]);
    if (pointer.length + part.length > problemPointerCharsMax) return pointer;
    pointer += part;
  }
  return pointer;
}

function cutPointer(pointer: string): string {
  if (pointer.length <= problemPointerCharsMax) return pointer;
  return pointer.slice(0, pointer.lastIndexOf("/", problemPointerCharsMax));
}

function isDeeper(pointer: string, path: readonly PropertyKey[]): boolean {
  return pointer.split("/").length - 1 < path.length;
}

function cutDetail(detail: string): string {
  if (detail.length <= problemDetailCharsMax) return detail;
  return `${detail.slice(0, problemDetailCharsMax - 1).toWellFormed()}…`;
}
