/** The ledger contract: whose key is whose. */
import { expect, it } from 'vitest';
import { aCredential, aKey } from '../../support/builders.ts';
import { changeOf } from '../../support/commits.ts';
import { aKeyOf, holding, type Make } from './filled-ledgers.ts';

export function claims(make: Make): void {
  it('knows whose key it is as soon as it is written', async () => {
    const ledger = await holding(make, aCredential(), [aKeyOf(3, 2)]);
    expect(await ledger.claim('openai', 'key_3_2')).toEqual({
      credentialId: 'billing-agent',
      generation: 3,
      attempt: 2,
    });
  });

  it('knows no owner of a key that nobody has claimed', async () => {
    const ledger = await holding(make, aCredential(), [aKey()]);
    expect(await ledger.claim('openai', 'key_of_nobody')).toBeUndefined();
  });

  it('lets the same key be written again', async () => {
    const ledger = await holding(make, aCredential(), [aKey()]);
    await ledger.commit(changeOf(aCredential({ auditSeq: 2 }), { keys: [aKey({ status: 'dead' })] }));
    expect((await ledger.load('billing-agent'))?.keys[0]?.status).toBe('dead');
  });

  it('refuses the key of another attempt of the same credential', async () => {
    const ledger = await holding(make, aCredential(), [aKey({ attempt: 1 })]);
    const commit = changeOf(aCredential({ auditSeq: 2 }), { keys: [aKey({ attempt: 2 })] });
    await expect(ledger.commit(commit)).rejects.toMatchObject({ name: 'LedgerChanged' });
  });

  it('takes the same key id at another issuer for another key', async () => {
    const ledger = await holding(make, aCredential(), [aKey({ issuer: 'openai' })]);
    const keys = [aKey({ issuer: 'stripe', generation: 2 })];
    await ledger.commit(changeOf(aCredential({ auditSeq: 2 }), { keys }));
    expect((await ledger.claim('openai', aKey().keyId))?.generation).toBe(1);
    expect((await ledger.claim('stripe', aKey().keyId))?.generation).toBe(2);
  });
}
