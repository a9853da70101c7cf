/** Where each consumer stands, from what its processes last said: the facts that the drain verdict weighs. */
import type { DrainQuestion } from './drain.ts';
import { type Instant, newest, plus, type Seconds } from './instant.ts';
import { type Life, livesOf, stranger } from './life.ts';
import type { Consumer, Presence } from './presence.ts';

/** `foreign`: somebody who speaks for a consumer without being its role. */
type Kind = 'declared' | 'stranger' | 'foreign';

export interface Standing {
  readonly consumer: string;
  readonly kind: Kind;
  readonly presence: Consumer['presence'];
  /** `unknown` never lets a key be revoked. */
  readonly place: 'leaving' | 'staying' | 'both' | 'unknown' | 'gone';
  /** Of the leaving key, by any of its processes. */
  readonly lastUse: Instant | null;
  /** When that is long enough ago; null when it never used it. */
  readonly silentAt: Instant | null;
  /** When its newest report arrived; null when there never was one. */
  readonly lastSeen: Instant | null;
  /** It has the leaving key in memory. */
  readonly holds: boolean;
  /** Nothing but silence is missing: it is known, does not hold the leaving key and has gone over to the other. */
  readonly movedOn: boolean;
  /** How far its silence reaches: the earliest window end of its present processes; null when none is present. */
  readonly watermark: Instant | null;
  /** When a process that vanished without goodbye was last seen, if anybody should be told. */
  readonly lostSince: Instant | null;
}

/** One standing for each declared consumer, for each other one that has reported, and for each foreign sender. */
export function standings(question: DrainQuestion): readonly Standing[] {
  const rowsOf = Map.groupBy(
    question.presence.filter(({ foreign }) => !foreign),
    ({ consumer }) => consumer,
  );
  const declared = new Set(question.declared.map(({ name }) => name));
  const strangers = [...rowsOf.keys()].filter((name) => !declared.has(name)).sort();
  const standing = (consumer: Consumer, kind: Kind): Standing => {
    const rows = rowsOf.get(consumer.name) ?? [];
    const witness = { consumer, rows, question };
    const facts = consumer.presence === 'continuous' ? continuous(witness) : intermittent(witness);
    const lastSeen = newest(rows.map((row) => row.lastSeen));
    return { consumer: consumer.name, kind, presence: consumer.presence, lastSeen, ...facts };
  };
  return [
    ...question.declared.map((consumer) => standing(consumer, 'declared')),
    ...strangers.map((name) => standing(stranger(name), 'stranger')),
    ...foreigners(question),
  ];
}

/** Whoever has used the key within quiet uses it still, as far as anybody knows. */
export const usesIt = ({ silentAt }: Standing, now: Instant): boolean => silentAt !== null && silentAt > now;

interface Witness {
  readonly consumer: Consumer;
  readonly rows: readonly Presence[];
  readonly question: DrainQuestion;
}

type Facts = Omit<Standing, 'consumer' | 'kind' | 'presence' | 'lastSeen'>;

/** It is what its processes are, now. A process that left or is lost counts by its last use only. */
function continuous({ consumer, rows, question }: Witness): Facts {
  const { now, quiet, promotedAt } = question;
  const lifeOf = livesOf(consumer, question);
  const processes = rows.map((row) => ({ row, life: lifeOf(row), ...keysOf(row, question) }));
  const lives = (life: Life) => processes.filter((process) => process.life === life);
  const present = lives('present');
  const missing = lives('missing');
  const holds = present.some((process) => process.holdsLeaving);
  const uses = [...present, ...missing].some(({ leavingUse }) => within(leavingUse, quiet, now));
  const lastUse = newest(processes.map(({ leavingUse }) => leavingUse));
  const lost = newest(lives('lost').map(({ row }) => row.lastSeen));
  return {
    place: placeOf({
      leaving: holds || uses,
      staying: present.some((process) => process.holdsStaying || process.stayingUse !== undefined),
      unknown: missing.length > 0 || rows.length === 0,
      present: present.length > 0,
    }),
    lastUse,
    silentAt: lastUse && plus(lastUse, quiet),
    holds,
    movedOn:
      rows.length > 0 && missing.length === 0 && present.every((process) => hasMoved(process, quiet, now)),
    watermark: present.map(({ row }) => row.windowEnd).sort()[0] ?? null,
    lostSince: lost && (lost >= promotedAt || present.length === 0) ? lost : null,
  };
}

/**
 * It comes and goes, so that absence says nothing: it must have used the staying key once since the promotion, and
 * then not the leaving one for as long as it may sleep. A frozen process holds its keys no longer than that either.
 */
function intermittent({ consumer, rows, question }: Witness): Facts {
  const { now, promotedAt } = question;
  const quiet = Math.max(question.quiet, consumer.period ?? 0);
  const processes = rows.map((row) => ({ row, ...keysOf(row, question) }));
  const holds = processes.some(
    ({ row, holdsLeaving }) => holdsLeaving && row.leftAt === null && within(row.lastSeen, quiet, now),
  );
  const lastUse = newest(processes.map(({ leavingUse }) => leavingUse));
  const stayingUse = newest(processes.map((process) => process.stayingUse));
  const retires = question.staying === null;
  const staying = stayingUse !== null && stayingUse >= promotedAt;
  return {
    place: placeOf({
      leaving: holds || within(lastUse, quiet, now),
      staying,
      unknown: rows.length === 0 || !(staying || retires),
      present: !retires,
    }),
    lastUse,
    silentAt: lastUse && plus(lastUse, quiet),
    holds,
    movedOn: rows.length > 0 && !holds && (retires || (staying && stayingUse > (lastUse ?? promotedAt))),
    watermark: null,
    lostSince: null,
  };
}

/**
 * Nobody's word for silence or presence: it counts for quiet after it has used the leaving key, and then not at all.
 * Those whose use is over are in the list all the same, since the silence of the others must reach over it.
 */
function foreigners({ presence, leaving, quiet, now }: DrainQuestion): readonly Standing[] {
  const rowsOf = Map.groupBy(
    presence.filter(({ foreign }) => foreign),
    ({ consumer }) => consumer,
  );
  return [...rowsOf.keys()].sort().flatMap((consumer): Standing[] => {
    const lastUse = newest((rowsOf.get(consumer) ?? []).map((row) => row.lastUse[leaving.versionId]));
    if (!lastUse) return [];
    const uses = within(lastUse, quiet, now);
    return [
      {
        consumer,
        kind: 'foreign',
        presence: 'intermittent',
        place: uses ? 'leaving' : 'gone',
        lastUse,
        silentAt: plus(lastUse, quiet),
        lastSeen: null,
        holds: false,
        movedOn: !uses,
        watermark: null,
        lostSince: null,
      },
    ];
  });
}

function placeOf(
  facts: Readonly<Record<'leaving' | 'staying' | 'unknown' | 'present', boolean>>,
): Standing['place'] {
  if (facts.leaving) return facts.staying ? 'both' : 'leaving';
  if (facts.unknown) return 'unknown';
  return facts.present ? 'staying' : 'gone';
}

interface Keys {
  readonly holdsLeaving: boolean;
  readonly holdsStaying: boolean;
  readonly leavingUse: Instant | undefined;
  readonly stayingUse: Instant | undefined;
}

/** Use of the staying key counts from the promotion on: before a roll back everybody has used it. */
const keysOf = ({ holds, lastUse }: Presence, { leaving, staying, promotedAt }: DrainQuestion): Keys => ({
  holdsLeaving: holds.includes(leaving.versionId),
  holdsStaying: staying !== null && holds.includes(staying.versionId),
  leavingUse: lastUse[leaving.versionId],
  stayingUse: staying === null ? undefined : since(promotedAt, lastUse[staying.versionId]),
});

const since = (from: Instant, use: Instant | undefined): Instant | undefined =>
  use !== undefined && use >= from ? use : undefined;

function hasMoved(
  { holdsLeaving, holdsStaying, leavingUse, stayingUse }: Keys,
  quiet: Seconds,
  now: Instant,
): boolean {
  if (holdsLeaving) return false;
  return holdsStaying || !within(leavingUse, quiet, now) || (stayingUse ?? '') > (leavingUse ?? '');
}

const within = (use: Instant | null | undefined, seconds: Seconds, now: Instant): boolean =>
  use !== null && use !== undefined && plus(use, seconds) > now;
