/** What every keeper of issuer locks does. */
import { describe, expect, it } from 'vitest';
import type { IssuerLocks } from '../../lib/rotation/ports.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aLease, someTime } from '../support/builders.ts';

/** @param make no locks for each test. */
export function issuerLocksContract(name: string, make: () => Promise<IssuerLocks>): void {
  const busy = { name: 'StepBusy' };
  const ours = aLease();
  const theirs = aLease({ requestId: 'request-2' });

  describe(`${name} as issuer locks`, () => {
    it('give an issuer to one request, and to no other before the lock has run out', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await expect(locks.take('openai', theirs, ours.until)).rejects.toMatchObject(busy);
      await locks.take('openai', theirs, plus(ours.until, 0.001));
      await expect(locks.take('openai', ours, someTime)).rejects.toMatchObject(busy);
    });

    it('say who holds an issuer and until when', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await expect(locks.take('openai', theirs, someTime)).rejects.toThrow(
        `issuer openai is locked by ${ours.requestId} until ${ours.until}`,
      );
    });

    it('give an issuer to one of several requests at the same time', async () => {
      const locks = await make();
      const outcomes = await Promise.allSettled(
        ['a', 'b', 'c', 'd'].map((requestId) => locks.take('openai', aLease({ requestId }), someTime)),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('let the same request take its lock again, for longer', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await locks.take('openai', { ...ours, until: plus(ours.until, 60) }, someTime);
      await expect(locks.take('openai', theirs, plus(ours.until, 30))).rejects.toMatchObject(busy);
    });

    it('are free again once they have been given back, also twice', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await locks.drop('openai', ours.requestId);
      await locks.drop('openai', ours.requestId);
      await locks.take('openai', theirs, someTime);
    });

    it('are not given back by anybody but their holder', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await locks.drop('openai', theirs.requestId);
      await expect(locks.take('openai', theirs, someTime)).rejects.toMatchObject(busy);
    });

    it('know one issuer from another', async () => {
      const locks = await make();
      await locks.take('openai', ours, someTime);
      await locks.take('stripe', theirs, someTime);
    });
  });
}
