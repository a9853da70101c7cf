/**
 * When keys were used and when they were refused, as an issuer tells it: the latest use that is at least `lag` seconds
 * old. Uses that a later one of the same key has overtaken are forgotten, so it stays small.
 */
import type { Clock, LastUse } from '../../lib/rotation/ports.ts';
import { type Instant, plus, type Seconds } from '../../lib/usage/instant.ts';

export interface LastUseBook {
  accepted(keyId: string): void;
  refused(keyId: string): void;
  of(keyId: string): LastUse;
}

export function lastUseBook({
  clock,
  lag,
}: {
  readonly clock: Pick<Clock, 'now'>;
  readonly lag: Seconds;
}): LastUseBook {
  const uses = { accepted: new Map<string, Instant[]>(), refused: new Map<string, Instant[]>() };
  const shown = (times: readonly Instant[] = []): Instant | null => {
    const until = plus(clock.now(), -lag);
    return times.findLast((at) => at <= until) ?? null;
  };
  const write = (book: Map<string, Instant[]>, keyId: string): void => {
    const times = book.get(keyId) ?? [];
    const from = shown(times);
    book.set(keyId, [...times.filter((at) => from === null || at >= from), clock.now()]);
  };
  return {
    accepted: (keyId) => write(uses.accepted, keyId),
    refused: (keyId) => write(uses.refused, keyId),
    of: (keyId) => ({
      lastUsedAt: shown(uses.accepted.get(keyId)),
      lastDeniedAt: shown(uses.refused.get(keyId)),
    }),
  };
}
