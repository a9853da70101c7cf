/** The proof of drain: who still uses the old key, and whether its silence can be believed. */
import { drainReason } from './drain-reason.ts';
import { type Instant, latest, plus, type Seconds } from './instant.ts';
import type { Consumer, Presence } from './presence.ts';
import { lastHeard, newest, type Standing, standings } from './standing.ts';

/** What the verdict is made from; everything that is known at `now`. */
export interface DrainQuestion {
  readonly now: Instant;
  readonly promotedAt: Instant;
  /** No revoke before this, whatever the consumers say. */
  readonly graceEnds: Instant;
  readonly deadline: Instant;
  /** Seconds without any use of the old key that count as silence. */
  readonly quiet: Seconds;
  /** Seconds between two reports of one instance; three missed ones make it unknown. */
  readonly reportEvery: Seconds;
  /** The key that is to end. */
  readonly leaving: KeyInQuestion;
  /** The key that everybody is to use; null when none comes after: the credential retires. */
  readonly staying: KeyInQuestion | null;
  /** What the issuer knows of the leaving key's use; null when it does not say. */
  readonly issuer: IssuerWitness | null;
  /** Targets that do not have the new key yet, and so may hold the old one. */
  readonly targetsBehind: readonly string[];
  /** The consumers that keyturn.yaml declares. */
  readonly declared: readonly Consumer[];
  readonly presence: readonly Presence[];
}

export interface KeyInQuestion {
  readonly versionId: string;
  readonly generation: number;
}

/** An issuer's last-used field: it sees those, too, who do not report. */
export type IssuerWitness = {
  readonly name: string;
  /** Seconds until a use shows: its silence reaches to `now` less this. */
  readonly lag: Seconds;
  /** Our own last probe of the key: a use up to `lag` after it proves neither use nor silence. */
  readonly lastProbedAt: Instant | null;
} & (
  | { readonly lastUsedAt: Instant | null }
  /** It could not be asked, in words: its silence is not known. */
  | { readonly failure: string }
);

/** Where one consumer stands. `unknown` never lets a key be revoked. */
export interface ConsumerState {
  readonly consumer: string;
  readonly state: 'on new' | 'on old' | 'both' | 'unknown' | 'gone';
  readonly lastOldUse: Instant | null;
}

/** The verdict, with a reason that a person can read. */
export type DrainVerdict = {
  readonly reason: string;
  readonly consumers: readonly ConsumerState[];
  /** Who keeps the old key alive, by name. */
  readonly heldBy: readonly string[];
} & (
  | { readonly outcome: 'drained' }
  | { readonly outcome: 'waiting'; readonly lastOldUse: Instant | null }
  | {
      readonly outcome: 'overdue';
      /** Later than `now` when everyone is on the new key and only quiet is missing: when a look can prove it. */
      readonly quietAt: Instant | null;
    }
);

/** The wait until the next look grows with the time since the promotion, so that their number stays bounded. */
export const lookGrowth = 0.35;

/** A silence shows up in the reports this many `reportEvery` later: the report's turn, and its way to the ledger. */
export const reportLag = 2;

/**
 * Whether the old key is out of use. Pure: the same question has the same answer.
 *
 * Drained needs all of: the minimum grace is over; keyturn.yaml declares who uses the key; somebody has reported since
 * the promotion (where no key comes after, it is enough that everyone has said goodbye); no consumer is on the old key
 * or unknown; every target has the new key; and the last use of the old key, by whomever, is `quiet` behind the
 * watermark, which is the earliest `windowEnd` of all present continuous instances. At the deadline everything else is
 * overdue.
 */
export function drainVerdict(question: DrainQuestion): DrainVerdict {
  const everyone = standings(question);
  const heard = lastHeard(question.presence);
  const reported = heard !== null && (question.newVersionId === null || heard >= question.promotedAt);
  const holders = everyone.filter(holdsBack(everyone, question));
  const verdict = {
    reason: drainReason({ question, everyone, holders, reported }),
    consumers: everyone.map(({ consumer, state, lastOldUse }) => ({ consumer, state, lastOldUse })),
    heldBy: [
      ...holders.map(({ consumer }) => consumer),
      ...question.targetsBehind.map((name) => `target ${name}`),
    ],
  };
  const provable = reported && question.declared.length > 0 && question.targetsBehind.length === 0;
  if (provable && holders.length === 0 && question.now >= question.graceEnds)
    return { ...verdict, outcome: 'drained' };
  if (question.now >= question.deadline) {
    return { ...verdict, outcome: 'overdue', quietAt: provable ? quietAt(everyone, question) : null };
  }
  return { ...verdict, outcome: 'waiting', lastOldUse: lastOldUseOf(everyone) };
}

/**
 * The next moment worth a look, later than `now`: when silence can be proven at the earliest, but not before the
 * minimum grace is over, nor sooner than 0.35 of the time since the promotion; the deadline at the latest.
 * At most 24 looks for any grace from one hour to 30 days with a minimum of at least one hour.
 *
 * @param lastOldUse of the last verdict; null before the first.
 */
export function nextLook(
  question: Pick<DrainQuestion, 'now' | 'promotedAt' | 'graceEnds' | 'deadline' | 'quiet' | 'reportEvery'>,
  lastOldUse: Instant | null,
): Instant {
  const { now, promotedAt, graceEnds, deadline, quiet, reportEvery } = question;
  const elapsed = (Date.parse(now) - Date.parse(promotedAt)) / 1000;
  const soonest = plus(now, Math.max(1, lookGrowth * elapsed));
  const silent = lastOldUse === null ? soonest : plus(lastOldUse, quiet + reportLag * reportEvery);
  const look = latest(graceEnds, silent, soonest);
  return deadline > now && deadline < look ? deadline : look;
}

/**
 * On the old key, unknown, or not silent for long enough. When nobody is any of these, then also whoever's reports
 * do not yet reach over the silence that is needed.
 */
function holdsBack(everyone: readonly Standing[], { now, promotedAt, quiet }: DrainQuestion) {
  const last = lastOldUseOf(everyone);
  const needed = last === null ? promotedAt : latest(promotedAt, plus(last, quiet));
  return ({ state, silentAt, watermark }: Standing): boolean => {
    if (state === 'on old' || state === 'both' || state === 'unknown') return true;
    if (silentAt !== null && silentAt > now) return true;
    return watermark !== null && needed <= now && watermark < needed;
  };
}

function lastOldUseOf(everyone: readonly Standing[]): Instant | null {
  return newest(everyone.map(({ lastOldUse }) => lastOldUse));
}

function quietAt(
  everyone: readonly Standing[],
  { now, promotedAt, reportEvery }: DrainQuestion,
): Instant | null {
  if (!everyone.every(({ movedOn }) => movedOn)) return null;
  const silent = newest(everyone.map(({ silentAt }) => silentAt)) ?? promotedAt;
  const provable = plus(latest(promotedAt, silent), reportLag * reportEvery);
  return provable > now ? provable : null;
}
