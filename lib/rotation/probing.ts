/** Proof by probe: the same answer several times in a row, spread over the time that the issuer needs to agree. */
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { ProbeUntrusted } from './errors.ts';
import type { Key } from './key.ts';
import type { Issuer, Ports, ProbeAnswer } from './ports.ts';
import { SecretText } from './secret-text.ts';

/** Seconds before the invocation's end at which a step stops asking and leaves the rest to the next try. */
export const margin: Seconds = 5;

export interface Row {
  /** Answers in a row that said what was wanted. */
  readonly probes: number;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

export interface RowWanted<Answer> {
  readonly ask: () => Promise<Answer>;
  readonly wanted: (answer: Answer) => boolean;
  readonly probes: number;
  /** The row must span at least this long. */
  readonly over: Seconds;
  /** Until when an unwanted answer is no answer yet; a row that has begun by then may be finished. */
  readonly patience: Instant;
  /** When to give up. */
  readonly until: Instant;
}

/**
 * Asks until the wanted answer has come `probes` times in a row; any other answer starts the row again.
 * @returns the row, or the last answer when the time ran out.
 */
export async function wantedRow<Answer>(
  clock: Ports['clock'],
  { ask, wanted, probes, over, patience, until }: RowWanted<Answer>,
): Promise<{ readonly row: Row } | { readonly last: Answer }> {
  const spacing = over / (probes - 1);
  let row: Row | undefined;
  for (;;) {
    const answer = await ask();
    const now = clock.now();
    row = wanted(answer)
      ? { probes: (row?.probes ?? 0) + 1, firstAt: row?.firstAt ?? now, lastAt: now }
      : undefined;
    if (row && row.probes >= probes && plus(row.firstAt, over) <= row.lastAt) return { row };
    if (plus(now, spacing) > (row ? until : patience)) return { last: answer };
    await clock.sleep(Math.max(spacing, shortestPause));
  }
}

/** Between two questions to an issuer without lag. */
const shortestPause: Seconds = 0.1;

export const isAlive = (answer: ProbeAnswer): boolean => answer === 'alive' || answer === 'forbidden';

/**
 * The negative control: the probe must not accept the key's id with a random secret of the same length.
 * @throws ProbeUntrusted when it does.
 */
export async function checkProbe(
  digests: Ports['digests'],
  issuer: Issuer,
  key: Pick<Key, 'issuer' | 'keyId'>,
  secret: SecretText,
): Promise<void> {
  const random = new SecretText(digests.randomText(secret.reveal().length));
  const answer = await issuer.probe(random, key.keyId);
  if (isAlive(answer)) {
    throw new ProbeUntrusted(
      `the probe of issuer ${key.issuer} calls a random key "${answer}", so it proves nothing: give it a request that only a live key can make, or a body predicate`,
    );
  }
}
