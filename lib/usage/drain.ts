/** The proof of drain: who still uses the old key, and whether its silence can be believed. */
import { drainReason } from './drain-reason.ts';
import { type Instant, latest, newest, plus, type Seconds } from './instant.ts';
import { type IssuerHold, type IssuerWord, issuerWord, seenUse, silenceProvableAt } from './issuer-word.ts';
import { lastHeard, reportLag } from './life.ts';
import type { Consumer, Presence } from './presence.ts';
import { type Standing, standings, usesIt } from './standing.ts';

/** What the verdict is made from; everything that is known at `now`. */
export interface DrainQuestion {
  readonly now: Instant;
  readonly promotedAt: Instant;
  /** No revoke before this, whatever the consumers say. */
  readonly graceEnds: Instant;
  readonly deadline: Instant;
  /** Seconds without any use of the leaving key that count as silence. */
  readonly quiet: Seconds;
  /** Seconds between two reports of one instance; three missed ones make it unknown. */
  readonly reportEvery: Seconds;
  /** The key that is to end. */
  readonly leaving: KeyInQuestion;
  /** The key that everybody is to use; null when none comes after: the credential retires. */
  readonly staying: KeyInQuestion | null;
  /** What the issuer knows of the leaving key's use; null when it does not say. */
  readonly issuer: IssuerWitness | null;
  /** Targets that do not have the staying key yet, and so may hold the leaving one. */
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
  /** Old and new are the generations before and after, whichever of them leaves. */
  readonly state: 'on new' | 'on old' | 'both' | 'unknown' | 'gone';
  /** Of the leaving key. */
  readonly lastOldUse: Instant | null;
}

/** The verdict, with a reason that a person can read. */
export type DrainVerdict = {
  readonly reason: string;
  readonly consumers: readonly ConsumerState[];
  /** Who keeps the leaving key alive, by name. */
  readonly heldBy: readonly string[];
} & (
  | { readonly outcome: 'drained' }
  | { readonly outcome: 'waiting'; readonly lastOldUse: Instant | null }
  | {
      readonly outcome: 'overdue';
      /** Later than `now` when everyone is on the staying key and only quiet is missing: when a look can prove it. */
      readonly quietAt: Instant | null;
    }
);

/** Strangers and foreign senders beyond these are not listed: a verdict stands in a ledger row. */
const strangersListed = 50;

/** The wait until the next look grows with the time since the promotion, so that their number stays bounded. */
export const lookGrowth = 0.35;

/**
 * Whether the leaving key is out of use. Pure: the same question has the same answer.
 *
 * Drained needs all of: the minimum grace is over; every target has the staying key; no consumer uses the leaving key,
 * holds it, or is unknown; its last use, by whomever, is `quiet` behind the watermark, which is the earliest `windowEnd`
 * of all present continuous instances; and an issuer that says when keys are used says that it was silent for as long,
 * as far as what it says reaches. Somebody must be there to say so: a declared consumer that has reported since the
 * promotion (where no key comes after, it is enough that everyone has said goodbye), or, where none is declared, the
 * issuer. At the deadline everything else is overdue.
 */
export function drainVerdict(question: DrainQuestion): DrainVerdict {
  const everyone = standings(question);
  const listed = question.declared.length + strangersListed;
  const lastReported = newest(everyone.map(({ lastUse }) => lastUse));
  const word = question.issuer && issuerWord(question.issuer, question, lastReported);
  const holders = everyone.filter(holdsBack(lastReported, question));
  const issuerHolds = isToBeNamed(word, holders) ? word : null;
  const witnessed = hasWitness(question);
  const verdict = {
    reason: drainReason({ question, everyone, holders, issuerHolds, witnessed }),
    consumers: everyone.filter(isOfInterest).slice(0, listed).map(consumerState(question)),
    heldBy: [
      ...holders.slice(0, listed).map(({ consumer }) => consumer),
      ...question.targetsBehind.map((name) => `target ${name}`),
      ...(issuerHolds ? [`issuer ${issuerHolds.name}`] : []),
    ],
  };
  const provable = witnessed && question.targetsBehind.length === 0;
  const silent = holders.length === 0 && (word === null || word.says === 'silent');
  if (provable && silent && question.now >= question.graceEnds) return { ...verdict, outcome: 'drained' };
  if (question.now >= question.deadline) {
    const quietAt = provable && hasMovedOn(everyone, word, question) ? quietAtOf(everyone, question) : null;
    return { ...verdict, outcome: 'overdue', quietAt };
  }
  const seen = question.issuer && seenUse(question.issuer, question);
  return { ...verdict, outcome: 'waiting', lastOldUse: newest([lastReported, seen]) };
}

/** What the next look depends on; without an issuer it is as if the issuer did not say when keys are used. */
export type LookQuestion = Pick<
  DrainQuestion,
  'now' | 'promotedAt' | 'graceEnds' | 'deadline' | 'quiet' | 'reportEvery'
> &
  Partial<Pick<DrainQuestion, 'issuer'>>;

/**
 * The next moment worth a look, later than `now`: when silence can be proven at the earliest, but not before the
 * minimum grace is over, nor sooner than 0.35 of the time since the promotion; the deadline at the latest.
 * At most 24 looks for any grace from one hour to 30 days with a minimum of at least one hour.
 *
 * @param lastOldUse of the last verdict; null before the first.
 */
export function nextLook(question: LookQuestion, lastOldUse: Instant | null): Instant {
  const { now, promotedAt, graceEnds, deadline, quiet, reportEvery, issuer } = question;
  const elapsed = (Date.parse(now) - Date.parse(promotedAt)) / 1000;
  const soonest = plus(now, Math.max(1, lookGrowth * elapsed));
  const reported = lastOldUse === null ? soonest : plus(lastOldUse, quiet + reportLag * reportEvery);
  const seen = issuer ? silenceProvableAt(issuer, question, lastOldUse) : soonest;
  const look = latest(graceEnds, reported, seen, soonest);
  return deadline > now && deadline < look ? deadline : look;
}

/** Somebody whose silence means something. */
function hasWitness({ declared, presence, issuer, staying, promotedAt }: DrainQuestion): boolean {
  if (declared.length === 0) return issuer !== null;
  const heard = lastHeard({ declared, presence });
  return heard !== null && (staying === null || heard >= promotedAt);
}

/**
 * On the leaving key, unknown, or not silent for long enough. When nobody is any of these, then also whoever's reports
 * do not yet reach over the silence that is needed.
 */
function holdsBack(lastReported: Instant | null, { now, promotedAt, quiet, issuer }: DrainQuestion) {
  const last = newest([lastReported, issuer && seenUse(issuer, { now })]);
  const needed = last === null ? promotedAt : latest(promotedAt, plus(last, quiet));
  return (standing: Standing): boolean => {
    const { place, watermark } = standing;
    if (place === 'leaving' || place === 'both' || place === 'unknown') return true;
    if (usesIt(standing, now)) return true;
    return watermark !== null && needed <= now && watermark < needed;
  };
}

/** Consumers are what an owner can do something about, so an issuer that only repeats what they report is not named. */
function isToBeNamed(word: IssuerWord | null, holders: readonly Standing[]): word is IssuerHold {
  if (word === null || word.says === 'silent') return false;
  return holders.length === 0 || word.says === 'nothing' || (word.says === 'used' && !word.reported);
}

/** A foreign sender is nobody once its use is over. */
const isOfInterest = ({ kind, place }: Standing): boolean => kind !== 'foreign' || place !== 'gone';

/** Back in the words for people, where old and new stay what they were when a roll back makes the new key leave. */
function consumerState({ leaving, staying }: DrainQuestion) {
  const rollsBack = staying !== null && leaving.generation > staying.generation;
  return ({ consumer, place, lastUse }: Standing): ConsumerState => {
    const common = { consumer, lastOldUse: lastUse };
    if (place === 'leaving') return { ...common, state: rollsBack ? 'on new' : 'on old' };
    if (place === 'staying') return { ...common, state: rollsBack ? 'on old' : 'on new' };
    return { ...common, state: place };
  };
}

/** Nothing but time is missing, as far as anybody can say. */
function hasMovedOn(
  everyone: readonly Standing[],
  word: IssuerWord | null,
  { now, quiet }: DrainQuestion,
): boolean {
  if (!everyone.every(({ movedOn }) => movedOn)) return false;
  if (word?.says === 'used') return word.reported || plus(word.at, quiet) <= now;
  return word?.says !== 'nothing';
}

function quietAtOf(everyone: readonly Standing[], question: DrainQuestion): Instant | null {
  const { now, promotedAt, reportEvery, issuer } = question;
  const silent = newest(everyone.map(({ silentAt }) => silentAt)) ?? promotedAt;
  const reported = plus(latest(promotedAt, silent), reportLag * reportEvery);
  const lastReported = newest(everyone.map(({ lastUse }) => lastUse));
  const seen = issuer ? silenceProvableAt(issuer, question, lastReported) : reported;
  const provable = latest(reported, seen);
  return provable > now ? provable : null;
}
