/** What an issuer's last-used field proves: use by those who do not report, and silence as far as it reaches. */
import type { DrainQuestion, IssuerWitness } from './drain.ts';
import { earliest, type Instant, latest, newest, plus } from './instant.ts';
import { reportLag } from './life.ts';

/**
 * `nothing` it could not be asked · `used` its last use is not long enough ago · `probed` that last use may be our own
 * probe · `late` it is silent, but what it says does not reach far enough yet · `silent` nothing is missing.
 */
export type IssuerWord = { readonly name: string } & (
  | { readonly says: 'nothing'; readonly failure: string }
  | { readonly says: 'used'; readonly at: Instant; readonly reported: boolean }
  | { readonly says: 'probed'; readonly until: Instant }
  | { readonly says: 'late'; readonly reach: Instant }
  | { readonly says: 'silent' }
);

/** Whatever it says but that it was silent keeps the key alive. */
export type IssuerHold = Exclude<IssuerWord, { readonly says: 'silent' }>;

/** @param lastReported the newest use of the leaving key that anybody has reported. */
export function issuerWord(
  issuer: IssuerWitness,
  question: DrainQuestion,
  lastReported: Instant | null,
): IssuerWord {
  const { now, reportEvery } = question;
  const { name, lag } = issuer;
  if ('failure' in issuer) return { name, says: 'nothing', failure: issuer.failure };
  if (silenceProvableAt(issuer, question, lastReported) <= now) return { name, says: 'silent' };
  const possible = possibleUse(issuer, question);
  const decides = possible !== null && possible >= latest(question.promotedAt, lastReported ?? possible);
  if (!decides) return { name, says: 'late', reach: plus(now, -lag) };
  const seen = seenUse(issuer, question);
  if (seen === null) return { name, says: 'probed', until: possible };
  // A report of the same use may still be on its way.
  const reported = lastReported !== null && seen <= plus(lastReported, reportLag * reportEvery);
  return { name, says: 'used', at: seen, reported };
}

/**
 * When the issuer's silence can be proven, as things stand: `quiet` after the last use of any kind, or the promotion,
 * and as much later as a use takes to show.
 */
export function silenceProvableAt(
  issuer: IssuerWitness,
  { now, promotedAt, quiet }: Pick<DrainQuestion, 'now' | 'promotedAt' | 'quiet'>,
  lastUse: Instant | null,
): Instant {
  const used = newest([lastUse, possibleUse(issuer, { now })]);
  return plus(latest(promotedAt, used ?? promotedAt), quiet + issuer.lag);
}

/** The last use that is somebody else's for certain; null when there is none. */
export function seenUse(issuer: IssuerWitness, { now }: Pick<DrainQuestion, 'now'>): Instant | null {
  if ('failure' in issuer || issuer.lastUsedAt === null || hidesProbe(issuer)) return null;
  // An issuer whose clock is ahead would keep the key for as long as it is.
  return earliest(issuer.lastUsedAt, now);
}

/**
 * Up to when the key may have been used, as far as the issuer knows. A last use that may be our own probe, whose
 * traces take up to `lag` to settle, says nothing of that time; a later use would have moved the field on.
 */
function possibleUse(issuer: IssuerWitness, question: Pick<DrainQuestion, 'now'>): Instant | null {
  if (hidesProbe(issuer) && issuer.lastProbedAt) return plus(issuer.lastProbedAt, issuer.lag);
  return seenUse(issuer, question);
}

const hidesProbe = (issuer: IssuerWitness): boolean =>
  !('failure' in issuer) &&
  issuer.lastUsedAt !== null &&
  issuer.lastProbedAt !== null &&
  issuer.lastUsedAt <= plus(issuer.lastProbedAt, issuer.lag);
