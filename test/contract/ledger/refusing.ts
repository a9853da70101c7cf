/** The ledger contract: changes that are refused, and why. */
import { expect, it } from 'vitest';
import type { Commit, Ledger } from '../../../lib/rotation/ports.ts';
import { aCredential, aKey, aLease, anAuditRecord, aRotation } from '../../support/builders.ts';
import { changeOf, registrationOf } from '../../support/commits.ts';
import { aKeyOf, type Make, rotating } from './filled-ledgers.ts';

/** Each is a commit against the ledger of `rotating(make, aRotation({ run: 2 }))` with key 1 of another credential. */
const refused: readonly { readonly what: string; readonly error: string; readonly commit: Commit }[] =
  (() => {
    const read = aCredential({ auditSeq: 2 });
    const rotation = aRotation({ run: 2 });
    const right = changeOf(read, { rotation, run: 2, keys: [aKeyOf(1, 1)] });
    const lost = { ...right.expected, run: 1 };
    return [
      {
        what: 'a credential that is new to the caller only',
        error: 'LedgerChanged',
        commit: registrationOf(read),
      },
      {
        what: 'a change of a credential that does not exist',
        error: 'LedgerChanged',
        commit: changeOf(aCredential({ id: 'nobody' })),
      },
      {
        what: 'a change made from an older audit sequence',
        error: 'LedgerChanged',
        commit: { ...right, expected: { ...right.expected, auditSeq: 1 } },
      },
      {
        what: 'a change made in another epoch',
        error: 'Fenced',
        commit: { ...right, expected: { ...right.expected, epoch: 0 } },
      },
      {
        what: 'a change that is behind in everything',
        error: 'Fenced',
        commit: { ...right, expected: { auditSeq: 1, epoch: 0, run: 1 } },
      },
      { what: 'a change by an earlier run', error: 'Superseded', commit: { ...right, expected: lost } },
      {
        what: 'a change by an earlier run from an older audit sequence',
        error: 'Superseded',
        commit: { ...right, expected: { ...lost, auditSeq: 1 } },
      },
      {
        what: 'a rotation that exists already',
        error: 'Superseded',
        commit: { ...right, expected: { auditSeq: 2, epoch: 1 } },
      },
      {
        what: 'a run of a rotation that does not exist',
        error: 'Superseded',
        commit: { ...right, rotation: { ...rotation, rotationId: 'nowhere' } },
      },
      {
        what: 'a rotation whose lease somebody else has taken',
        error: 'LedgerChanged',
        commit: { ...right, rotation: { ...rotation, lease: aLease({ requestId: 'too-late' }) } },
      },
      {
        what: 'a key that another credential has claimed',
        error: 'LedgerChanged',
        commit: { ...right, keys: [aKey({ keyId: 'key_of_search_agent' })] },
      },
      {
        what: 'an audit record that exists already',
        error: 'LedgerChanged',
        commit: { ...right, audit: anAuditRecord({ seq: 2 }) },
      },
    ];
  })();

export function refusals(make: Make): void {
  const prepared = async (): Promise<Ledger> => {
    const { ledger } = await rotating(make, aRotation({ run: 2, lease: aLease() }));
    const other = aCredential({ id: 'search-agent' });
    await ledger.commit(registrationOf(other));
    const keys = [aKey({ credentialId: 'search-agent', keyId: 'key_of_search_agent' })];
    await ledger.commit(changeOf(other, { keys }));
    return ledger;
  };

  it.each(refused)('answers $what with $error', async ({ commit, error }) => {
    const ledger = await prepared();
    await expect(ledger.commit(commit)).rejects.toMatchObject({ name: error });
  });

  it.each(refused)('writes nothing for $what', async ({ commit }) => {
    const ledger = await prepared();
    const before = await everything(ledger);
    await expect(ledger.commit(commit)).rejects.toThrow();
    expect(await everything(ledger)).toEqual(before);
  });

  it('says what it expected, what it found and whose credential it is', async () => {
    const ledger = await prepared();
    const read = aCredential({ auditSeq: 2 });
    await expect(ledger.commit(changeOf({ ...read, epoch: 7 }))).rejects.toThrow(
      /credential billing-agent has epoch 1, expected 7/,
    );
    await expect(ledger.commit(changeOf({ ...read, auditSeq: 9 }))).rejects.toThrow(
      /credential billing-agent has audit sequence 2, expected 9/,
    );
    await expect(ledger.commit(changeOf(read, { rotation: aRotation({ run: 2 }), run: 1 }))).rejects.toThrow(
      /rotation .* of credential billing-agent has run 2, expected 1/,
    );
    await expect(
      ledger.commit(changeOf(read, { keys: [aKey({ keyId: 'key_of_search_agent' })] })),
    ).rejects.toThrow(
      /belongs to credential search-agent, generation 1, attempt 1, expected credential billing-agent/,
    );
  });
}

/** All that can be read of the two credentials in the tests of refusals. */
const everything = (ledger: Ledger) =>
  Promise.all([
    ledger.credentials(),
    ...['billing-agent', 'search-agent', 'nobody'].flatMap((id) => [
      ledger.load(id, aRotation().rotationId),
      ledger.rotations(id),
      ledger.audit(id),
    ]),
    ...['key_1_1', 'key_of_search_agent', aKey().keyId].map((keyId) => ledger.claim('openai', keyId)),
  ]);
