/** Much work at the same time, but not all of it at once. */

/** Does `work` for each, at most `atOnce` at a time; those that are under way when one fails go on. */
export async function inParallel<T>(
  all: Iterable<T>,
  atOnce: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  // One iterator for all workers: each takes what no other has taken.
  const rest = [...all].values();
  const worker = async (): Promise<void> => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
