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

/**
 * Lets work of many callers share so many places: what finds none free waits for its turn. One `sharing` for all who
 * use the same thing.
 */
export function sharing(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A place goes straight to the next in line, so that nobody who comes in between takes it.
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
