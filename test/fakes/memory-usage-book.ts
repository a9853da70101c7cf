/** The usage book in memory, for every test that is not about DynamoDB; the same contract kit runs against both. */
import type { Presence } from '../../lib/usage/presence.ts';
import { type Generations, type UsageBook, type UsageRow, withNewer } from '../../lib/usage/usage-book.ts';
import { copy } from './copy.ts';

export interface MemoryUsageBook extends UsageBook {
  /** Registers a credential's keys, or replaces them. */
  register(credentialId: string, generations: Generations): void;
  /** Every row there is, to search for what must not be in one. */
  rows(): readonly unknown[];
}

export function memoryUsageBook(): MemoryUsageBook {
  const presence = new Map<string, Presence>();
  const usage = new Map<string, UsageRow>();
  const credentials = new Map<string, Generations>();
  return {
    async apply(updates) {
      for (const row of copy(updates.presence)) {
        const name = nameOf(row.credentialId, row.consumer, row.instance);
        presence.set(name, withNewer(presence.get(name), row));
      }
      for (const row of copy(updates.usage)) {
        const name = nameOf(row.credentialId, row.generation, row.consumer, row.instance, row.minute);
        if ((usage.get(name)?.seq ?? -1) < row.seq) usage.set(name, row);
      }
    },
    async presence(credentialId) {
      return copy([...presence.values()].filter((row) => row.credentialId === credentialId));
    },
    async usage(credentialId, generation) {
      const isOfKey = (row: UsageRow) => row.credentialId === credentialId && row.generation === generation;
      return copy([...usage.values()].filter(isOfKey));
    },
    async generations(credentialId) {
      const known = credentials.get(credentialId);
      return known && new Map(known);
    },
    register: (credentialId, generations) => void credentials.set(credentialId, new Map(generations)),
    rows: () => copy([...presence.values(), ...usage.values()]),
  };
}

const nameOf = (...parts: readonly (string | number)[]): string => JSON.stringify(parts);
