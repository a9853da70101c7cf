/** The usage book in memory, for every test that is not about DynamoDB; the same contract kit runs against both. */
import { withoutLeavers } from '../../lib/usage/leavers.ts';
import { dayOf, type MinuteChange, withChanges, withNewer, withNewerCounts } from '../../lib/usage/newer.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import type { KnownCredential, UsageBook, UsageDay, UsageRow } from '../../lib/usage/usage-book.ts';
import { copy } from './copy.ts';

export interface MemoryUsageBook extends UsageBook {
  /** Registers a credential's keys and who speaks for its consumers, or replaces them. */
  register(
    credentialId: string,
    generations: KnownCredential['generations'],
    senders?: KnownCredential['senders'],
  ): void;
  /** Every row there is, to search for what must not be in one. */
  rows(): readonly unknown[];
}

export function memoryUsageBook(): MemoryUsageBook {
  const presence = new Map<string, Presence>();
  const usage = new Map<string, UsageRow>();
  const days = new Map<string, UsageDay>();
  const credentials = new Map<string, KnownCredential>();

  const count = (change: MinuteChange): void => {
    const { credentialId, generation, consumer } = change.after;
    const day = dayOf(change.after);
    const name = nameOf(credentialId, day, generation, consumer);
    const sum = withChanges(days.get(name), [change]);
    if (sum) days.set(name, { credentialId, generation, consumer, day, ...sum });
  };

  return {
    async apply(updates) {
      for (const row of copy(updates.presence)) {
        const name = nameOf(row.credentialId, row.consumer, row.instance);
        presence.set(name, withNewer(presence.get(name), row));
      }
      for (const row of copy(updates.usage)) {
        const name = nameOf(row.credentialId, row.generation, row.consumer, row.instance, row.minute);
        const before = usage.get(name);
        const after = withNewerCounts(before, row);
        usage.set(name, after);
        count({ before, after });
      }
    },
    async presence(credentialId) {
      const rows = withoutLeavers();
      rows.add([...presence.values()].filter((row) => row.credentialId === credentialId));
      return copy([...rows.all()]);
    },
    async usage(credentialId, generation, since = '') {
      const isOfKey = (row: UsageRow) => row.credentialId === credentialId && row.generation === generation;
      const rows = [...usage.values()].filter(isOfKey);
      return copy(rows.filter(({ minute }) => minute >= since.slice(0, 16)));
    },
    async days(credentialId, since) {
      return copy([...days.values()].filter((row) => row.credentialId === credentialId && row.day >= since));
    },
    async known(credentialId) {
      const credential = credentials.get(credentialId);
      return (
        credential && { generations: new Map(credential.generations), senders: { ...credential.senders } }
      );
    },
    register: (credentialId, generations, senders = {}) =>
      void credentials.set(credentialId, { generations: new Map(generations), senders }),
    rows: () => copy([...presence.values(), ...usage.values(), ...days.values()]),
  };
}

const nameOf = (...parts: readonly (string | number)[]): string => JSON.stringify(parts);
