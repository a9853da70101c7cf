/** What every keeper of answered requests does. */
import { describe, expect, it } from 'vitest';
import type { Requests } from '../../lib/rotation/ports.ts';
import { plus } from '../../lib/usage/instant.ts';
import { someTime } from '../support/builders.ts';

const keptFor = 48 * 3600;

/** @param make no requests for each test. */
export function requestsContract(name: string, make: () => Promise<Requests>): void {
  describe(`${name} as requests`, () => {
    it('take an id once', async () => {
      const requests = await make();
      expect(await requests.take('event-1', someTime)).toBe(true);
      expect(await requests.take('event-1', plus(someTime, keptFor - 1))).toBe(false);
      expect(await requests.take('event-2', someTime)).toBe(true);
    });

    it('take an id once among several deliveries at the same time', async () => {
      const requests = await make();
      const taken = await Promise.all([1, 2, 3, 4].map(() => requests.take('event-1', someTime)));
      expect(taken.filter(Boolean)).toHaveLength(1);
    });

    it('take an id anew after 48 hours, and forget its answer', async () => {
      const requests = await make();
      await requests.take('event-1', someTime);
      await requests.answer('event-1', { outcome: 'rejected', reason: 'the credential rotates already' });
      expect(await requests.take('event-1', plus(someTime, keptFor))).toBe(true);
      expect(await requests.find('event-1')).toEqual({ answer: null });
    });

    it('know no answer before there is one, and no request that was never taken', async () => {
      const requests = await make();
      await requests.take('event-1', someTime);
      expect(await requests.find('event-1')).toEqual({ answer: null });
      expect(await requests.find('event-2')).toBeUndefined();
    });

    it('keep the answer, the latest if there are two', async () => {
      const requests = await make();
      await requests.take('event-1', someTime);
      await requests.answer('event-1', { outcome: 'rejected', reason: 'the credential rotates already' });
      await requests.answer('event-1', { outcome: 'started', rotationId: 'rotation-1' });
      expect(await requests.find('event-1')).toEqual({
        answer: { outcome: 'started', rotationId: 'rotation-1' },
      });
      expect(await requests.take('event-1', someTime)).toBe(false);
    });

    it('refuse an answer to a request that was never taken, which they would keep for ever', async () => {
      const requests = await make();
      await expect(
        requests.answer('event-1', { outcome: 'started', rotationId: 'rotation-1' }),
      ).rejects.toThrow('request event-1 is not known');
      expect(await requests.find('event-1')).toBeUndefined();
    });
  });
}
