/** The ledger contract: audited changes. */
import { expect, it } from 'vitest';
import { SecretText } from '../../../lib/rotation/secret-text.ts';
import { aCredential, aKey, aRotation } from '../../support/builders.ts';
import { changeOf } from '../../support/commits.ts';
import { SENTINEL } from '../../support/sentinel.ts';
import { holding, type Make, rotating } from './filled-ledgers.ts';

export function commits(make: Make): void {
  it('writes credential, rotation, keys and audit record together', async () => {
    const ledger = await holding(make, aCredential());
    const commit = changeOf(aCredential(), { rotation: aRotation(), keys: [aKey()] });
    await ledger.commit(commit);
    expect(await ledger.load('billing-agent', aRotation().rotationId)).toEqual({
      credential: commit.credential,
      rotation: commit.rotation,
      keys: commit.keys,
    });
    expect((await ledger.audit('billing-agent')).at(-1)).toEqual(commit.audit);
  });

  it('lets the next run take a rotation over', async () => {
    const { ledger, credential } = await rotating(make, aRotation({ run: 1 }));
    await ledger.commit(changeOf(credential, { rotation: aRotation({ run: 2 }), run: 1 }));
    expect((await ledger.load('billing-agent', aRotation().rotationId))?.rotation?.run).toBe(2);
  });

  it('replaces a rotation as a whole', async () => {
    const { ledger, credential } = await rotating(make, aRotation({ at: 'abandoning' }));
    const rotation = aRotation({ at: 'grace' });
    await ledger.commit(changeOf(credential, { rotation, run: 1 }));
    expect((await ledger.load('billing-agent', rotation.rotationId))?.rotation).toEqual(rotation);
  });

  it('lets the epoch move', async () => {
    const ledger = await holding(make, aCredential({ epoch: 1 }));
    await ledger.commit(changeOf(aCredential({ epoch: 1 }), { credential: { epoch: 2 } }));
    expect((await ledger.load('billing-agent'))?.credential.epoch).toBe(2);
  });

  it('lets one of several changes at the same time through', async () => {
    const ledger = await holding(make, aCredential());
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map(() => ledger.commit(changeOf(aCredential(), { keys: [aKey()] }))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.name] : []))).toEqual(
      Array(4).fill('LedgerChanged'),
    );
    expect(await ledger.audit('billing-agent')).toHaveLength(2);
  });

  it('refuses to write a secret', async () => {
    const ledger = await holding(make, aCredential());
    const commit = changeOf(aCredential());
    const audit = { ...commit.audit, after: { secret: new SecretText(SENTINEL) } };
    await expect(ledger.commit({ ...commit, audit })).rejects.toThrow();
    expect(await ledger.audit('billing-agent')).toHaveLength(1);
  });
}
