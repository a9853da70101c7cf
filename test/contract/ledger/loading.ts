/** The ledger contract: what is read back. */
import { expect, it } from 'vitest';
import type { Phase } from '../../../lib/rotation/rotation.ts';
import { plus } from '../../../lib/usage/instant.ts';
import {
  aCredential,
  aKey,
  aLease,
  anAnnouncement,
  anAuditRecord,
  aRotation,
  someTime,
} from '../../support/builders.ts';
import { changeOf, registrationOf } from '../../support/commits.ts';
import { aKeyOf, changed, holding, type Make, rotating } from './filled-ledgers.ts';

const phases = [
  'issuing',
  'verifying',
  'verified',
  'promoting',
  'grace',
  'revoking',
  'completing',
  'completed',
  'abandoning',
  'abandoned',
  'blocked',
] as const satisfies readonly Phase[];

export function loads(make: Make): void {
  it('knows nothing of a credential that was never registered', async () => {
    const ledger = await make();
    expect(await ledger.load('billing-agent')).toBeUndefined();
    expect(await ledger.rotations('billing-agent')).toEqual([]);
    expect(await ledger.audit('billing-agent')).toEqual([]);
  });

  it('gives a credential back as it was written', async () => {
    const credential = aCredential({ dueAt: null, lastPromotedAt: someTime });
    const ledger = await holding(make, credential);
    expect(await ledger.load('billing-agent')).toEqual({ credential, keys: [] });
  });

  it.each(phases)('gives a rotation that is %s back as it was written', async (at) => {
    const rotation = aRotation({ at, lease: aLease(), outbox: [anAnnouncement()] });
    const { ledger } = await rotating(make, rotation);
    expect((await ledger.load('billing-agent', rotation.rotationId))?.rotation).toEqual(rotation);
  });

  it('leaves out what is undefined', async () => {
    const ledger = await make();
    const commit = registrationOf(aCredential());
    await ledger.commit({ ...commit, audit: anAuditRecord({ after: { status: 'new', window: undefined } }) });
    expect(Object.keys((await ledger.audit('billing-agent'))[0]?.after ?? {})).toEqual(['status']);
  });

  it('gives no rotation when none is asked for, or when there is none of that id', async () => {
    const { ledger } = await rotating(make, aRotation());
    expect(await ledger.load('billing-agent')).not.toHaveProperty('rotation');
    expect(await ledger.load('billing-agent', 'another')).not.toHaveProperty('rotation');
  });

  it('lists keys by generation and attempt, as numbers', async () => {
    const keys = [aKeyOf(10, 1), aKeyOf(2, 10), aKeyOf(2, 2), aKeyOf(1, 1)];
    const ledger = await holding(make, aCredential(), keys);
    const loaded = await ledger.load('billing-agent');
    expect(loaded?.keys).toEqual([...keys].reverse());
  });

  it('lists rotations newest first', async () => {
    const older = aRotation({ at: 'completed', rotationId: 'rotation-z', startedAt: someTime });
    const newer = aRotation({ rotationId: 'rotation-a', startedAt: plus(someTime, 60) });
    const { ledger, credential } = await rotating(make, older);
    await ledger.commit(changeOf(credential, { rotation: newer }));
    expect((await ledger.rotations('billing-agent')).map((each) => each.rotationId)).toEqual([
      'rotation-a',
      'rotation-z',
    ]);
  });

  it('lists credentials by id', async () => {
    const ledger = await holding(make, aCredential({ id: 'search-agent', dueAt: null }));
    await ledger.commit(registrationOf(aCredential({ id: 'billing-agent' })));
    expect((await ledger.credentials()).map(({ id }) => id)).toEqual(['billing-agent', 'search-agent']);
  });

  it('keeps the audit trail oldest first, as numbers', async () => {
    let credential = aCredential();
    const ledger = await holding(make, credential);
    for (let changes = 0; changes < 11; changes += 1) credential = await changed(ledger, credential);
    const trail = await ledger.audit('billing-agent');
    expect(trail.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(trail[0]).toEqual(anAuditRecord());
  });

  it('keeps credentials apart whose ids begin alike', async () => {
    const ledger = await holding(make, aCredential({ id: 'agent' }));
    const other = aCredential({ id: 'agent-2' });
    await ledger.commit(registrationOf(other));
    const rows = {
      rotation: aRotation({ credentialId: 'agent-2' }),
      keys: [aKey({ credentialId: 'agent-2' })],
    };
    await ledger.commit(changeOf(other, rows));
    expect(await ledger.load('agent')).toEqual({ credential: aCredential({ id: 'agent' }), keys: [] });
    expect(await ledger.rotations('agent')).toEqual([]);
    expect(await ledger.audit('agent')).toHaveLength(1);
  });

  it('hands out copies', async () => {
    const ledger = await holding(make, aCredential());
    const first = await ledger.load('billing-agent');
    Object.assign(first?.credential ?? {}, { status: 'blocked' });
    expect((await ledger.load('billing-agent'))?.credential.status).toBe('new');
  });
}
