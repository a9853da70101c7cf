/** An hour of a fleet, as its processes report it: a million uses of 50 keys, to the last one known beforehand. */
import { type Instant, plus } from '../../lib/usage/instant.ts';
import type { KeyUse, UsageReport } from '../../lib/usage/report.ts';

/** Calls, accepted and refused ones together. */
export const uses = 1_000_000;
export const keys = 50;
const instances = 20;
const keysOfEach = 5;
const minutes = 60;
const start: Instant = '2026-11-21T23:20:00.000Z';

export const credentialOf = (key: number): string => `metered-${key}`;
export const versionOf = (key: number): string => `version-of-${key}`;

export interface Counts {
  readonly ok: number;
  readonly denied: number;
}

/** Uses of one key in one minute by one process. */
const cells = instances * minutes * keysOfEach;
const perCell = Math.floor(uses / cells);

function countsIn(instance: number, minute: number, slot: number): Counts {
  const cell = (instance * minutes + minute) * keysOfEach + slot;
  const calls = perCell + (cell < uses - perCell * cells ? 1 : 0);
  const denied = cell % 7;
  return { ok: calls - denied, denied };
}

/** Each key is that of two processes. */
const keyOf = (instance: number, slot: number): number => (instance * 5 + slot * 11) % keys;

/** What each key has to have been used in the end. */
export function expectedCounts(): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>();
  for (let instance = 0; instance < instances; instance += 1)
    for (let minute = 0; minute < minutes; minute += 1)
      for (let slot = 0; slot < keysOfEach; slot += 1) {
        const name = credentialOf(keyOf(instance, slot));
        const { ok, denied } = countsIn(instance, minute, slot);
        const before = counts.get(name) ?? { ok: 0, denied: 0 };
        counts.set(name, { ok: before.ok + ok, denied: before.denied + denied });
      }
  return counts;
}

/** The same in each minute by each process: `<credential> <consumer> <instance> <minute>`. */
export function expectedMinutes(): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>();
  for (let instance = 0; instance < instances; instance += 1)
    for (let minute = 0; minute < minutes; minute += 1)
      for (let slot = 0; slot < keysOfEach; slot += 1) {
        const process = [consumerOf(instance), instanceOf(instance)];
        const name = [credentialOf(keyOf(instance, slot)), ...process, minuteOf(minute)].join(' ');
        counts.set(name, countsIn(instance, minute, slot));
      }
  return counts;
}

const consumerOf = (instance: number): string => `fleet-${instance % 4}`;
const instanceOf = (instance: number): string => `instance-${instance}`;
const minuteOf = (minute: number): string => `${plus(start, minute * 60).slice(0, 16)}Z`;

/** Each process reports in the middle of a minute: this one so far, and the one before in full. */
export const reportsOfAll = (): readonly UsageReport[] =>
  Array.from({ length: instances }, (_, instance) =>
    Array.from({ length: minutes + 1 }, (_, minute) => reportOf(instance, minute)),
  ).flat();

function reportOf(instance: number, minute: number): UsageReport {
  const now = plus(start, minute * 60 + 30);
  const slots = Array.from({ length: keysOfEach }, (_, slot) => slot);
  const last = minute === minutes;
  return {
    v: 1,
    consumer: consumerOf(instance),
    instance: instanceOf(instance),
    seq: minute,
    sentAt: now,
    windowStart: plus(now, -60),
    windowEnd: now,
    ...(last && { leaving: true }),
    credentials: slots.map((slot) => credentialOf(keyOf(instance, slot))),
    holds: slots.map((slot) => versionOf(keyOf(instance, slot))),
    keys: slots.flatMap((slot) => [
      ...(minute > 0 ? [useOf(instance, minute - 1, slot)] : []),
      ...(last ? [] : [halfOf(useOf(instance, minute, slot))]),
    ]),
  };
}

function useOf(instance: number, minute: number, slot: number): KeyUse {
  const begins = plus(start, minute * 60);
  return {
    credential: credentialOf(keyOf(instance, slot)),
    versionId: versionOf(keyOf(instance, slot)),
    minute: minuteOf(minute),
    ...countsIn(instance, minute, slot),
    firstUsedAt: begins,
    lastUsedAt: plus(begins, 59),
  };
}

const halfOf = (use: KeyUse): KeyUse => ({
  ...use,
  ok: Math.floor(use.ok / 2),
  denied: Math.floor(use.denied / 2),
  lastUsedAt: plus(use.firstUsedAt, 29),
});
