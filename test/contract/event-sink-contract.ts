/** What every way out for events does. */
import { describe, expect, it } from 'vitest';
import type { EventSink } from '../../lib/rotation/ports.ts';
import { anAnnouncement } from '../support/builders.ts';

/** A sink, and what has come out at its other end. */
export interface ObservedEventSink {
  readonly sink: EventSink;
  /** The sequence numbers that arrived, lowest first; waits until there are so many. */
  arrived(count: number): Promise<readonly number[]>;
}

const events = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...anAnnouncement({ seq: n + 1 }),
    credentialId: 'billing-agent',
  }));

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n + 1);

/** @param make nothing sent yet for each test. */
export function eventSinkContract(name: string, make: () => Promise<ObservedEventSink>): void {
  describe(`${name} as an event sink`, () => {
    it('accepts no events at all', async () => {
      const { sink } = await make();
      await expect(sink.put([])).resolves.toBeUndefined();
    });

    it('delivers every event, however many are put at once', async () => {
      const { sink, arrived } = await make();
      await sink.put(events(23));
      expect(await arrived(23)).toEqual(upTo(23));
    });

    it('delivers again what is put again', async () => {
      const { sink, arrived } = await make();
      await sink.put(events(1));
      await sink.put(events(1));
      expect(await arrived(2)).toEqual([1, 1]);
    });
  });
}
