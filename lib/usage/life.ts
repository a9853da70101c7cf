/** Whether a process still runs, as far as its reports tell: goodbyes are believed, silence is not at once. */
import type { DrainQuestion } from './drain.ts';
import { type Instant, newest, type Seconds, secondsBetween } from './instant.ts';
import type { Consumer, Presence } from './presence.ts';

/** After this many reports have not come, a continuous instance that did not say goodbye is unknown. */
export const missedReports = 3;

/** A silence shows up in the reports this many `reportEvery` later: the report's turn, and its way to the ledger. */
export const reportLag = 2;

/** `lostAfter` of consumers that keyturn.yaml does not declare: as long as a client may keep a key in its cache. */
const strangerLostAfter: Seconds = 3600;

/** `missing` never lets a key be revoked; `lost` and `left` count by their last use only. */
export type Life = 'present' | 'missing' | 'lost' | 'left';

/** What a process is judged by, besides its own row. */
export type LifeQuestion = Pick<DrainQuestion, 'now' | 'reportEvery' | 'leaving' | 'declared' | 'presence'>;

/** A consumer that reports and is not declared: watched as if it ran all the time. */
export const stranger = (name: string): Consumer => ({
  name,
  presence: 'continuous',
  lostAfter: strangerLostAfter,
});

/**
 * When the newest report of a declared consumer arrived: the proof that reports do get through. Nobody else's word
 * makes anything easier to prove, or whoever may send to the queue could have a key revoked.
 */
export function lastHeard({
  declared,
  presence,
}: Pick<LifeQuestion, 'declared' | 'presence'>): Instant | null {
  const names = new Set(declared.map(({ name }) => name));
  return newest(
    presence
      .filter(({ consumer, foreign }) => !foreign && names.has(consumer))
      .map(({ lastSeen }) => lastSeen),
  );
}

/** @returns the life of any process of one consumer. */
export function livesOf(consumer: Consumer, question: LifeQuestion): (row: Presence) => Life {
  const { now, reportEvery, leaving, declared } = question;
  const patience = missedReports * reportEvery;
  const isDeclared = declared.some(({ name }) => name === consumer.name);
  // Where nobody is declared the proof is the issuer's, so that no late queue can pass for silence.
  const heard = declared.length === 0 ? now : lastHeard(question);
  return ({ leftAt, lastSeen, holds }) => {
    if (leftAt !== null) return 'left';
    if (secondsBetween(lastSeen, now) <= patience) return 'present';
    // A stranger that does not hold the leaving key is let go at once.
    if (!isDeclared && !holds.includes(leaving.versionId)) return 'lost';
    // As long as nobody at all gets through, it may be the queue that is late.
    const othersHeard = secondsBetween(lastSeen, heard ?? lastSeen);
    return othersHeard > patience + consumer.lostAfter ? 'lost' : 'missing';
  };
}
