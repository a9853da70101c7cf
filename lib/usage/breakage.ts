/** The breakage verdict: whether anybody missed a key that is disabled for a trial, and whether silence can be believed. */
import { type KeyInQuestion, lookGrowth } from './drain.ts';
import { type Instant, instant, newest, plus, type Seconds, secondsBetween } from './instant.ts';
import { livesOf, reportLag, stranger } from './life.ts';
import type { Consumer, Presence } from './presence.ts';
import { clockTime, timeAndAge } from './span.ts';

/** What the verdict is made from; everything that is known at `now`. */
export interface BreakageQuestion {
  readonly now: Instant;
  readonly disabledAt: Instant;
  /** Not later than that: whoever has used the key since then misses it. */
  readonly since: Instant;
  /** Seconds for which the key is to stay disabled before anybody's silence counts. */
  readonly observe: Seconds;
  readonly reportEvery: Seconds;
  /** The disabled key. */
  readonly leaving: KeyInQuestion;
  readonly declared: readonly Consumer[];
  readonly presence: readonly Presence[];
  /** Null when the issuer does not say when keys are used. */
  readonly issuer: IssuerSaw | { readonly name: string; readonly failure: string } | null;
}

/** An issuer's last-used field, read while the key is disabled: our own probes are not among its uses then. */
export interface IssuerSaw {
  readonly name: string;
  /** Seconds until a use, or a refused call, shows. */
  readonly lag: Seconds;
  /** Whether its silence tells anything: it shows calls that it refused. */
  readonly reportsDenied: boolean;
  readonly lastUsedAt: Instant | null;
  readonly lastDeniedAt: Instant | null;
}

export type Breakage =
  /** `by` is who missed the key, by name. */
  | { readonly outcome: 'broken'; readonly by: readonly string[]; readonly reason: string }
  | { readonly outcome: 'quiet' }
  /** Nobody missed it as far as is known, which is not far enough. */
  | { readonly outcome: 'unheard'; readonly reason: string };

/** Whether there is anybody whose refused call would be seen: without one a trial tells nothing. */
export const canSeeBreakage = ({
  declared,
  reportsDenied,
}: Pick<BreakageQuestion, 'declared'> & Pick<IssuerSaw, 'reportsDenied'>): boolean =>
  declared.length > 0 || reportsDenied;

/**
 * Whether anybody missed the disabled key. Pure: the same question has the same answer.
 *
 * Broken as soon as anybody at all, declared or not, has used the key since it was disabled, or the issuer saw that
 * somebody did. Quiet needs all of: the time to observe is over; every present continuous process has reported on the
 * whole of it; no continuous process is missing, by the same rules as in the drain verdict; and an issuer that shows
 * refused calls has had the time to show them. One that cannot be asked leaves it open. Consumers that come and go are believed by their silence: the drain verdict has asked for their proof.
 */
export function breakage(question: BreakageQuestion): Breakage {
  const users = usersSince(question);
  if (users.length > 0) {
    const reason = users.map(({ name, at }) => useClause(name, at, question)).join('; ');
    return { outcome: 'broken', by: users.map(({ name }) => name), reason };
  }
  const seen = seenByIssuer(question);
  if (seen) return { outcome: 'broken', by: [seen.who], reason: seen.reason };
  const doubts = [...tooEarly(question), ...unheardOf(question), ...issuerDoubt(question)];
  return doubts.length > 0 ? { outcome: 'unheard', reason: doubts.join('; ') } : { outcome: 'quiet' };
}

/**
 * When to look: first when the time to observe is over and its silence can be there, then ever more seldom, as the
 * drain does.
 *
 * @param question `lag` is the issuer's where it shows refused calls, else 0.
 */
export function breakageLook({
  now,
  disabledAt,
  observe,
  reportEvery,
  lag,
}: Pick<BreakageQuestion, 'now' | 'disabledAt' | 'observe' | 'reportEvery'> &
  Pick<IssuerSaw, 'lag'>): Instant {
  const first = plus(disabledAt, observe + lag + reportLag * reportEvery);
  if (now < first) return first;
  return plus(now, Math.max(reportEvery, lookGrowth * secondsBetween(disabledAt, now)));
}

export interface User {
  readonly name: string;
  readonly at: Instant;
}

/** Each consumer with a use since then, be it foreign, or of a process that is gone. */
export function usersSince({
  presence,
  leaving,
  since,
}: Pick<BreakageQuestion, 'presence' | 'leaving' | 'since'>): readonly User[] {
  const rowsOf = Map.groupBy(presence, ({ consumer }) => consumer);
  return [...rowsOf.keys()].sort().flatMap((name) => {
    const at = newest((rowsOf.get(name) ?? []).map(({ lastUse }) => lastUse[leaving.versionId]));
    return at && at >= since ? [{ name, at }] : [];
  });
}

const useClause = (name: string, at: Instant, { now, leaving }: BreakageQuestion): string =>
  `${name} used generation ${leaving.generation} at ${timeAndAge(at, now)}, while it was disabled`;

/** Issuers write whole seconds, so one that begins before the key was disabled may end after. */
function seenByIssuer({ issuer, since: from, now, leaving }: BreakageQuestion) {
  if (!issuer || 'failure' in issuer) return undefined;
  const since = instant(Math.floor(Date.parse(from) / 1000) * 1000);
  const { name, lastDeniedAt, lastUsedAt } = issuer;
  const key = `generation ${leaving.generation}`;
  if (lastDeniedAt && lastDeniedAt >= since) {
    const who = `somebody whom issuer ${name} refused`;
    return { who, reason: `${who} at ${timeAndAge(lastDeniedAt, now)}, with ${key}` };
  }
  if (!lastUsedAt || lastUsedAt < since) return undefined;
  const who = `somebody whom issuer ${name} saw`;
  return { who, reason: `${who} at ${timeAndAge(lastUsedAt, now)}, with ${key}` };
}

const observedUntil = ({ disabledAt, observe }: BreakageQuestion): Instant => plus(disabledAt, observe);

function tooEarly(question: BreakageQuestion): readonly string[] {
  const until = observedUntil(question);
  return question.now < until ? [`it is observed until ${clockTime(until, question.now)}`] : [];
}

/** Those whose silence is not known to be one. */
function unheardOf(question: BreakageQuestion): readonly string[] {
  const { now, declared, presence } = question;
  const until = observedUntil(question);
  const rowsOf = Map.groupBy(
    presence.filter(({ foreign }) => !foreign),
    ({ consumer }) => consumer,
  );
  return [...rowsOf.keys()].sort().flatMap((name) => {
    const consumer = declared.find((one) => one.name === name) ?? stranger(name);
    if (consumer.presence === 'intermittent') return [];
    const lifeOf = livesOf(consumer, question);
    const rows = (rowsOf.get(name) ?? []).map((row) => ({ ...row, life: lifeOf(row) }));
    const missing = newest(rows.filter(({ life }) => life === 'missing').map(({ lastSeen }) => lastSeen));
    if (missing) return [`${name} has not been seen since ${clockTime(missing, now)}`];
    const [heard] = rows
      .filter(({ life }) => life === 'present')
      .map(({ windowEnd }) => windowEnd)
      .sort();
    return heard && heard < until ? [`${name} has reported only up to ${clockTime(heard, now)}`] : [];
  });
}

function issuerDoubt(question: BreakageQuestion): readonly string[] {
  const { issuer, now } = question;
  if (!issuer) return [];
  if ('failure' in issuer)
    return [`issuer ${issuer.name} could not say whether it refused anybody (${issuer.failure})`];
  const shown = plus(observedUntil(question), issuer.lag);
  const late = issuer.reportsDenied && now < shown;
  return late ? [`issuer ${issuer.name} shows refused calls only at ${clockTime(shown, now)}`] : [];
}
