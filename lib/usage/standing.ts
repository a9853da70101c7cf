/** Where each consumer stands, from what its processes last said: the facts that the drain verdict weighs. */
import type { ConsumerState, DrainQuestion } from './drain.ts';
import { type Instant, plus, type Seconds, secondsBetween } from './instant.ts';
import type { Consumer, Presence } from './presence.ts';

/** After this many reports have not come, a continuous instance that did not say goodbye is unknown. */
export const missedReports = 3;

/** `lostAfter` of consumers that keyturn.yaml does not declare: as long as a client may keep a key in its cache. */
const strangerLostAfter: Seconds = 3600;

export interface Standing extends ConsumerState {
  readonly declared: boolean;
  readonly presence: Consumer['presence'];
  /** When its newest report arrived; null when there never was one. */
  readonly lastSeen: Instant | null;
  readonly holdsOld: boolean;
  /** When its last use of the old key is long enough ago; null when it never used it. */
  readonly silentAt: Instant | null;
  /** Nothing but silence is missing: it is known, does not hold the old key and has gone over to the new one. */
  readonly movedOn: boolean;
  /** How far its silence reaches: the earliest window end of its present processes; null when none is present. */
  readonly watermark: Instant | null;
  /** When a process that vanished without goodbye was last seen, if anybody should be told. */
  readonly lostSince: Instant | null;
}

/** One standing for each declared consumer and for each other one that has reported, declared ones first. */
export function standings(question: DrainQuestion): readonly Standing[] {
  const rows = Map.groupBy(question.presence, ({ consumer }) => consumer);
  const heard = lastHeard(question.presence);
  const standing = (consumer: Consumer, declared: boolean): Standing =>
    standingOf({ consumer, declared, rows: rows.get(consumer.name) ?? [], heard, question });
  const declared = new Set(question.declared.map(({ name }) => name));
  const strangers = [...rows.keys()].filter((name) => !declared.has(name)).sort();
  return [
    ...question.declared.map((consumer) => standing(consumer, true)),
    ...strangers.map((name) => standing(stranger(name), false)),
  ];
}

/** When the newest report of anybody arrived: the proof that reports do get through. */
export const lastHeard = (presence: readonly Presence[]): Instant | null =>
  newest(presence.map(({ lastSeen }) => lastSeen));

export const newest = (instants: readonly (Instant | null | undefined)[]): Instant | null =>
  instants.reduce<Instant | null>((a, b) => (b && (!a || b > a) ? b : a), null);

const stranger = (name: string): Consumer => ({ name, presence: 'continuous', lostAfter: strangerLostAfter });

function standingOf(witness: Witness): Standing {
  const { consumer, declared, rows } = witness;
  const facts = consumer.presence === 'continuous' ? continuous(witness) : intermittent(witness);
  return {
    consumer: consumer.name,
    declared,
    presence: consumer.presence,
    lastSeen: lastHeard(rows),
    ...facts,
  };
}

interface Witness {
  readonly consumer: Consumer;
  readonly declared: boolean;
  readonly rows: readonly Presence[];
  /** When the newest report of anybody arrived. */
  readonly heard: Instant | null;
  readonly question: DrainQuestion;
}

type Facts = Omit<Standing, 'consumer' | 'declared' | 'presence' | 'lastSeen'>;

/** It is what its processes are, now. A process that left or is lost counts by its last use only. */
function continuous(witness: Witness): Facts {
  const { rows, question } = witness;
  const { now, quiet, promotedAt } = question;
  const processes = rows.map((row) => ({ row, life: lifeOf(row, witness), ...keysOf(row, question) }));
  const present = processes.filter(({ life }) => life === 'present');
  const missing = processes.some(({ life }) => life === 'missing');
  const holdsOld = present.some((process) => process.holdsOld);
  const usesOld = processes.some(
    ({ life, oldUse }) => (life === 'present' || life === 'missing') && within(oldUse, quiet, now),
  );
  const hasNew = present.some((process) => process.holdsNew || process.newUse !== undefined);
  const lastOldUse = newest(processes.map(({ oldUse }) => oldUse));
  const lost = newest(processes.filter(({ life }) => life === 'lost').map(({ row }) => row.lastSeen));
  return {
    state: stateOf({
      old: holdsOld || usesOld,
      hasNew,
      missing,
      present: present.length > 0,
      seen: rows.length > 0,
    }),
    lastOldUse,
    holdsOld,
    silentAt: lastOldUse && plus(lastOldUse, quiet),
    movedOn: rows.length > 0 && !missing && present.every((process) => hasMoved(process, quiet, now)),
    watermark: present.map(({ row }) => row.windowEnd).sort()[0] ?? null,
    lostSince: lost && (lost >= promotedAt || present.length === 0) ? lost : null,
  };
}

/**
 * It comes and goes, so that absence says nothing: it must have used the new key once since the promotion, and
 * then not the old one for as long as it may sleep. A frozen process holds its keys no longer than that either.
 */
function intermittent({ consumer, rows, question }: Witness): Facts {
  const { now, promotedAt } = question;
  const quiet = Math.max(question.quiet, consumer.period ?? 0);
  const processes = rows.map((row) => ({ row, ...keysOf(row, question) }));
  const holdsOld = processes.some(
    (process) => process.holdsOld && process.row.leftAt === null && within(process.row.lastSeen, quiet, now),
  );
  const lastOldUse = newest(processes.map(({ oldUse }) => oldUse));
  const newUse = newest(processes.map((process) => process.newUse));
  const retires = question.newVersionId === null;
  const hasNew = newUse !== null && newUse >= promotedAt;
  const old = holdsOld || within(lastOldUse, quiet, now);
  return {
    state: stateOf({ old, hasNew, missing: !hasNew && !retires, present: !retires, seen: rows.length > 0 }),
    lastOldUse,
    holdsOld,
    silentAt: lastOldUse && plus(lastOldUse, quiet),
    movedOn: !holdsOld && (retires || (hasNew && newUse > (lastOldUse ?? promotedAt))),
    watermark: null,
    lostSince: null,
  };
}

function stateOf(
  facts: Record<'old' | 'hasNew' | 'missing' | 'present' | 'seen', boolean>,
): Standing['state'] {
  if (facts.old) return facts.hasNew ? 'both' : 'on old';
  if (facts.missing || !facts.seen) return 'unknown';
  return facts.present ? 'on new' : 'gone';
}

/**
 * `missing` until a report of somebody else arrives after `lostAfter` has run out: as long as nobody at all gets
 * through, it may be the queue that is late. A stranger that does not hold the old key is let go at once.
 */
function lifeOf(
  { leftAt, lastSeen, holds }: Presence,
  { consumer, declared, heard, question }: Witness,
): 'present' | 'missing' | 'lost' | 'left' {
  const patience = missedReports * question.reportEvery;
  if (leftAt !== null) return 'left';
  if (secondsBetween(lastSeen, question.now) <= patience) return 'present';
  if (!declared && !holds.includes(question.oldVersionId)) return 'lost';
  return secondsBetween(lastSeen, heard ?? lastSeen) > patience + consumer.lostAfter ? 'lost' : 'missing';
}

interface Keys {
  readonly holdsOld: boolean;
  readonly holdsNew: boolean;
  readonly oldUse: Instant | undefined;
  readonly newUse: Instant | undefined;
}

const keysOf = (row: Presence, { oldVersionId, newVersionId }: DrainQuestion): Keys => ({
  holdsOld: row.holds.includes(oldVersionId),
  holdsNew: newVersionId !== null && row.holds.includes(newVersionId),
  oldUse: row.lastUse[oldVersionId],
  newUse: newVersionId === null ? undefined : row.lastUse[newVersionId],
});

function hasMoved({ holdsOld, holdsNew, oldUse, newUse }: Keys, quiet: Seconds, now: Instant): boolean {
  if (holdsOld) return false;
  return holdsNew || !within(oldUse, quiet, now) || (newUse ?? '') > (oldUse ?? '');
}

const within = (use: Instant | null | undefined, seconds: Seconds, now: Instant): boolean =>
  use !== null && use !== undefined && plus(use, seconds) > now;
