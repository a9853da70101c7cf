/** Answered event ids in memory, kept for 48 hours of the test's clock. */
import type { Requests, StartAnswer } from '../../lib/rotation/ports.ts';
import { type Instant, plus } from '../../lib/usage/instant.ts';
import { copy } from './copy.ts';

export function memoryRequests(): Requests {
  const requests = new Map<string, { readonly answer: StartAnswer | null; readonly expiresAt: Instant }>();
  return {
    async take(id, now) {
      const known = requests.get(id);
      if (known && known.expiresAt > now) return false;
      requests.set(id, { answer: null, expiresAt: plus(now, 48 * 3600) });
      return true;
    },
    async answer(id, answer) {
      const known = requests.get(id);
      if (!known) throw new Error(`request ${id} is not known: take it before it is answered`);
      requests.set(id, { ...known, answer: copy(answer) });
    },
    async find(id) {
      const known = requests.get(id);
      return known && { answer: copy(known.answer) };
    },
  };
}
