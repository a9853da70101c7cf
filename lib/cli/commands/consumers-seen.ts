/** Who uses a credential, as far as reports tell: which key each consumer holds, and when it last used which. */
import type { Key } from '../../rotation/key.ts';
import { type Instant, latest } from '../../usage/instant.ts';
import type { Consumer, Presence } from '../../usage/presence.ts';

export interface ConsumerSeen {
  readonly consumer: string;
  /** Whether keyturn.yaml names it. */
  readonly declared: boolean;
  /** Whether it names a declared consumer and is sent by somebody else than its role. */
  readonly foreign: boolean;
  /** Processes that have reported and have not said goodbye. */
  readonly processes: number;
  readonly lastSeen: Instant | null;
  /** Generations in the memory of these processes. */
  readonly holds: readonly number[];
  /** By generation, newest first. */
  readonly lastUse: readonly { readonly generation: number; readonly at: Instant }[];
}

/** Declared consumers first, also those that were never seen. */
export function consumersSeen(
  declared: readonly Consumer[],
  presence: readonly Presence[],
  keys: readonly Key[],
): readonly ConsumerSeen[] {
  const generations = new Map(keys.map(({ versionId, generation }) => [versionId, generation]));
  const rows = Map.groupBy(presence, ({ consumer }) => consumer);
  const names = new Set(declared.map(({ name }) => name));
  const strangers = [...rows.keys()].filter((name) => !names.has(name)).sort();
  return [
    ...[...names].map((name) => consumerSeen(name, true, rows.get(name) ?? [], generations)),
    ...strangers.map((name) => consumerSeen(name, false, rows.get(name) ?? [], generations)),
  ];
}

function consumerSeen(
  consumer: string,
  declared: boolean,
  rows: readonly Presence[],
  generations: ReadonlyMap<string, number>,
): ConsumerSeen {
  // A foreign sender's word is no presence.
  const present = rows.filter(({ leftAt, foreign }) => leftAt === null && !foreign);
  const known = (versionId: string): readonly number[] => {
    const generation = generations.get(versionId);
    return generation === undefined ? [] : [generation];
  };
  return {
    consumer,
    declared,
    foreign: rows.some(({ foreign }) => foreign === true),
    processes: present.length,
    lastSeen: newest(rows.map(({ lastSeen }) => lastSeen)),
    holds: [...new Set(present.flatMap(({ holds }) => holds.flatMap(known)))].sort((a, b) => b - a),
    lastUse: lastUses(rows, known),
  };
}

function lastUses(
  rows: readonly Presence[],
  known: (versionId: string) => readonly number[],
): ConsumerSeen['lastUse'] {
  const uses = new Map<number, Instant>();
  for (const [versionId, at] of rows.flatMap(({ lastUse }) => Object.entries(lastUse))) {
    for (const generation of known(versionId)) uses.set(generation, latest(at, uses.get(generation) ?? at));
  }
  return [...uses]
    .map(([generation, at]) => ({ generation, at }))
    .sort((a, b) => b.generation - a.generation);
}

const newest = ([first, ...rest]: readonly Instant[]): Instant | null =>
  first === undefined ? null : latest(first, ...rest);
