/**
 * What must not stand in the tree: paths of the machine it was written on, and words about how it
 * was written. Each pattern is written so that it does not match itself.
 */
const foreign = [/\/work\//, /\/tmp\/bash_jobs/, /sub[-]?agent\b/i];

/** One line for each place in `text` that names what is not part of the project. */
export function foreignNames(path: string, text: string): readonly string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      foreign
        .filter((pattern) => pattern.test(line))
        .map(
          (pattern) =>
            `${path}:${index + 1} matches ${pattern.source}: ${line.trim().slice(0, 100)}`,
        ),
    );
}
