/** How a drain stands, as plain data: who called with which key, what the reports prove now, and what comes next. */
import { drainQuestion } from '../../rotation/drain-question.ts';
import type { LedgerView } from '../../rotation/ports.ts';
import { type GraceFacts, graceFacts, type Rotation } from '../../rotation/rotation.ts';
import { type DrainVerdict, drainVerdict } from '../../usage/drain.ts';
import type { Instant } from '../../usage/instant.ts';
import type { Presence } from '../../usage/presence.ts';
import type { UsageRow } from '../../usage/usage-book.ts';
import type { ChartSeries } from '../format/drain-chart.ts';
import type { Stack } from '../stack.ts';
import { callsByMinute, type Minutes, minutesUntil } from './calls-by-minute.ts';
import { type ConsumerSeen, consumersSeen } from './consumers-seen.ts';
import { knownCredential } from './known-credential.ts';
import { choicesIn, decideCommand, generationsIn, isOut } from './open-decision.ts';
import { decisionFacts, type RotationDetail } from './standing.ts';
import { waitsFor } from './waits-for.ts';

export interface DrainStanding {
  readonly credential: string;
  readonly now: Instant;
  /** The key that everybody is to use; 0 where none is. */
  readonly staying: number;
  /** Null when nothing drains. */
  readonly drain: Drain | null;
  readonly calls: Minutes & { readonly series: readonly KeySeries[] };
  readonly consumers: readonly ConsumerSeen[];
}

export interface Drain
  extends Pick<
    RotationDetail,
    | 'rotationId'
    | 'phase'
    | 'promotedAt'
    | 'deadline'
    | 'question'
    | 'decision'
    | 'refusal'
    | 'disabledAt'
    | 'breakages'
    | 'brokenBy'
  > {
  /** Generation of the key that is to end. */
  readonly leaving: number;
  /** As of now, by reports alone: the issuer is asked by Check drain only. Null where reports can't tell. */
  readonly verdict: Verdict | null;
  /** Of the newest Check drain. */
  readonly lastLook: Verdict | null;
  readonly waitsFor: string | null;
  /** What the owner can type; null while there is nothing to decide. */
  readonly decide: string | null;
  /** Whether the key is disabled for a trial, or not enabled again yet: `extend` enables it and keeps it. */
  readonly onTrial: boolean;
}

type Verdict = Pick<DrainVerdict, 'outcome' | 'reason' | 'heldBy' | 'consumers'>;

/** A chart's series with the key's generation. */
interface KeySeries extends ChartSeries {
  readonly generation: number;
}

/** @throws Failure that names the nearest credential when there is none of this id. */
export async function drainStanding(stack: Stack, id: string, minutes: number): Promise<DrainStanding> {
  const view = await knownCredential(stack, id);
  const { activeRotation, declaration } = view.credential;
  const { rotation } = (activeRotation && (await stack.ledger.load(id, activeRotation))) || {};
  const facts = rotation && graceFacts(rotation);
  const generations =
    rotation && facts
      ? generationsIn(rotation, facts)
      : { leaving: 0, staying: view.credential.currentGeneration };
  const presence = await stack.usage.presence(id);
  const now = stack.clock.now();
  const window = minutesUntil(now, minutes);
  const consumers = consumersSeen(declaration.consumers, presence, view.keys);
  const drain =
    rotation && facts && generations.leaving > 0
      ? drainOf({ view, rotation, facts, presence, now }, generations.leaving)
      : null;
  const keys = drain ? [generations.leaving, generations.staying] : [generations.staying];
  return {
    credential: id,
    now,
    staying: generations.staying,
    drain,
    calls: {
      ...window,
      series: await seriesOf(stack, id, { window, keys, drains: drain !== null, declared: consumers }),
    },
    consumers,
  };
}

interface Known {
  readonly view: LedgerView;
  readonly rotation: Rotation;
  readonly facts: GraceFacts;
  readonly presence: readonly Presence[];
  readonly now: Instant;
}

function drainOf(known: Known, leaving: number): Drain {
  const { view, rotation, facts, now } = known;
  const { rotationId, phase } = rotation;
  const { promotedAt, deadline } = facts;
  return {
    rotationId,
    phase,
    promotedAt,
    deadline,
    ...decisionFacts(rotation, facts),
    leaving,
    verdict: freshVerdict(known),
    lastLook: facts.verdict && shown(facts.verdict),
    waitsFor: waitsFor(view.credential, rotation, now),
    decide: choicesIn(rotation, facts).length > 0 ? decideCommand(rotation, facts) : null,
    onTrial: isOut(rotation),
  };
}

/** Where nobody is declared only the issuer's word counts, and the admin secret that it takes is keyturn's alone. */
function freshVerdict({ view: { credential, keys }, rotation, presence, now }: Known): Verdict | null {
  if (rotation.phase !== 'grace' || credential.declaration.consumers.length === 0) return null;
  const question = drainQuestion({ credential, rotation, keys }, { now, presence, issuer: null });
  return question ? shown(drainVerdict(question)) : null;
}

const shown = ({ outcome, reason, heldBy, consumers }: DrainVerdict): Verdict => ({
  outcome,
  reason,
  heldBy,
  consumers,
});

interface Charted {
  readonly window: Minutes;
  /** Generations; the one that leaves first. */
  readonly keys: readonly number[];
  readonly drains: boolean;
  readonly declared: readonly ConsumerSeen[];
}

/** Declared consumers in any case, others if they called in this time. */
async function seriesOf(
  { usage }: Stack,
  id: string,
  { window, keys, drains, declared }: Charted,
): Promise<readonly KeySeries[]> {
  const live = keys.filter((generation) => generation > 0);
  const first = `${window.from.slice(0, 16)}Z`;
  const rows = (await Promise.all(live.map((generation) => usage.usage(id, generation, first)))).flat();
  const within = rows.filter(({ minute }) => minute >= first);
  const names = [
    ...declared.filter((one) => one.declared).map(({ consumer }) => consumer),
    ...within.map(({ consumer }) => consumer).sort(),
  ];
  return [...new Set(names)].flatMap((consumer) =>
    live
      .toSorted((a, b) => a - b)
      .map((generation) => ({
        consumer,
        key: drains ? wordFor(generation, live) : 'current',
        generation,
        ...callsByMinute(within.filter(isOf(consumer, generation)), window),
      })),
  );
}

const isOf =
  (consumer: string, generation: number) =>
  (row: UsageRow): boolean =>
    row.consumer === consumer && row.generation === generation;

/** Where no key comes after, the last one is the old one. */
const wordFor = (generation: number, all: readonly number[]): 'old' | 'new' =>
  all.some((other) => other < generation) ? 'new' : 'old';
