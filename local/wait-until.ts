/** Waits for something that somebody else does, with an end to the patience and a way to be interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Waiting {
  /** What is missing when the time is up, as the error says it. */
  readonly what: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
}

/** @returns the first answer that is not undefined. */
export async function waitUntil<T>(
  look: () => Promise<T | undefined>,
  { what, seconds, signal, everyMs = 300 }: Waiting,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const answer = await look();
    if (answer !== undefined) return answer;
    await pause(everyMs / 1000, signal);
  }
  throw new Error(`${what} within ${seconds} s`);
}

/** @throws what the signal was aborted with. */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
