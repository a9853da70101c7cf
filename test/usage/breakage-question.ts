/** A key that was disabled an hour after the promotion, for tests of the breakage verdict. */
import type { BreakageQuestion, IssuerSaw } from '../../lib/usage/breakage.ts';
import { aConsumer, at, oldKey } from './drain-question.ts';

/** Seconds after the promotion. */
export const disabled = 3600;
export const observe = 1800;
/** When the time to observe is over, in seconds after the promotion. */
export const observed = disabled + observe;

/** Looked at `now` seconds after the promotion; reports every minute, observed for half an hour. */
export function aTrial(now: number, overrides: Partial<BreakageQuestion> = {}): BreakageQuestion {
  return {
    now: at(now),
    disabledAt: at(disabled),
    since: at(disabled),
    observe,
    reportEvery: 60,
    leaving: oldKey,
    declared: [aConsumer('mirror')],
    presence: [],
    issuer: null,
    ...overrides,
  };
}

/** An issuer that shows refused calls five minutes later at the latest, and has refused nobody. */
export const anIssuerSaw = (overrides: Partial<IssuerSaw> = {}): IssuerSaw => ({
  name: 'openai',
  lag: 300,
  reportsDenied: true,
  lastUsedAt: null,
  lastDeniedAt: null,
  ...overrides,
});
