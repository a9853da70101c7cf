import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuditRecord, chain } from '../../lib/rotation/audit.ts';
import { type Trail, verifyTrail } from '../../lib/rotation/verify-audit.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { anAuditRecord } from '../support/builders.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';

const digests = testDigests();

/** A sound trail of so many records, of which the second and the fourth have a copy. */
function aTrail(length = 5): Trail {
  const records: AuditRecord[] = [];
  for (let seq = 1; seq <= length; seq += 1) {
    const { hash: _hash, ...record } = anAuditRecord({ seq, what: `change ${seq}` });
    records.push(chain(digests, records.at(-1)?.hash ?? '', record));
  }
  return withNewest(records);
}

/** As the credential's row and the anchor say of these records. */
function withNewest(records: readonly AuditRecord[]): Trail {
  const last = records.at(-1);
  const anchored = records.filter(({ seq }) => seq % 2 === 0).map(({ seq, hash }) => ({ seq, hash }));
  return { records, anchored, newest: { auditSeq: last?.seq ?? 0, auditHash: last?.hash ?? '' } };
}

const changed = ({ records }: Trail, seq: number, fields: Partial<AuditRecord>): readonly AuditRecord[] =>
  records.map((record) => (record.seq === seq ? { ...record, ...fields } : record));

const seqs = (trail: Trail) => verifyTrail(digests, trail).map(({ seq }) => seq);

describe('a whole trail', () => {
  test('has nothing to complain of', () => {
    expect(verifyTrail(digests, aTrail())).toEqual([]);
  });

  test('is what a rotation leaves, as the ledger gives it back', async () => {
    const world = await aWorld();
    await runWorkflow(world, await world.nextRotation());
    const { credential } = await world.view();
    const records = await world.ledger.audit(world.credentialId);
    const anchored = world.events.events.map(({ seq, hash }) => ({ seq, hash }));
    expect(anchored.length).toBeGreaterThan(0);
    expect(verifyTrail(digests, { records, newest: credential, anchored })).toEqual([]);
  });

  test('may come in any order', () => {
    const trail = aTrail();
    expect(verifyTrail(digests, { ...trail, records: trail.records.toReversed() })).toEqual([]);
  });
});

describe('what does not fit', () => {
  test('a record that says something else than it did', () => {
    const trail = aTrail();
    const records = changed(trail, 3, { actor: 'mallory' });
    const [finding, ...others] = verifyTrail(digests, { ...trail, records });
    expect(finding).toMatchObject({ seq: 3, what: expect.stringContaining('its hash is') });
    expect(others).toEqual([]);
  });

  test('a record whose hash was made to fit breaks the next one', () => {
    const trail = aTrail();
    const { hash: _hash, ...third } = { ...anAuditRecord({ seq: 3, actor: 'mallory' }) };
    const forged = chain(digests, trail.records[1]?.hash ?? '', third);
    expect(seqs({ ...trail, records: changed(trail, 3, forged) })).toEqual([4]);
  });

  test('a trail that was written anew from one record on differs from its copies', () => {
    const trail = aTrail();
    const forged = aTrail().records.slice(0, 2);
    for (const { hash: _hash, ...record } of trail.records.slice(2))
      forged.push(chain(digests, forged.at(-1)?.hash ?? '', { ...record, actor: 'mallory' }));
    const anew = { ...withNewest(forged), anchored: trail.anchored };
    expect(verifyTrail(digests, anew)).toEqual([
      { seq: 4, what: expect.stringContaining('the copy anchored outside the table says') },
    ]);
  });

  test('a record that is missing in the middle', () => {
    const trail = aTrail();
    const records = trail.records.filter(({ seq }) => seq !== 3);
    expect(verifyTrail(digests, { ...trail, records })).toEqual([{ seq: 3, what: 'record 3 is missing' }]);
  });

  test('several that are missing are named together', () => {
    const trail = aTrail();
    const records = trail.records.filter(({ seq }) => seq < 2 || seq > 3);
    expect(verifyTrail(digests, { ...trail, records, anchored: [] })).toEqual([
      { seq: 2, what: 'records 2 to 3 are missing' },
    ]);
  });

  test('an end that was cut off, by the row of the credential and by a copy', () => {
    const trail = aTrail();
    const records = trail.records.slice(0, 3);
    expect(seqs({ ...trail, records })).toEqual([4, 5]);
  });

  test('an end that was cut off together with the row of the credential, by a copy', () => {
    const trail = aTrail();
    const cut = { ...withNewest(trail.records.slice(0, 3)), anchored: trail.anchored };
    expect(verifyTrail(digests, cut)).toEqual([
      { seq: 4, what: 'it is anchored outside the table, and the ledger has no such record' },
    ]);
  });

  test('two records of one number', () => {
    const trail = aTrail();
    const twice = [...trail.records, anAuditRecord({ seq: 5 })];
    expect(verifyTrail(digests, { ...trail, records: twice })).toContainEqual({
      seq: 5,
      what: 'there are two records 5',
    });
  });

  test('a second copy of one number that says something else', () => {
    const trail = aTrail();
    const anchored = [...trail.anchored, { seq: 2, hash: 'f00d' }];
    expect(seqs({ ...trail, anchored })).toEqual([2]);
  });

  test('a hash in the row of the credential that is not the newest record’s', () => {
    const trail = aTrail();
    expect(seqs({ ...trail, newest: { auditSeq: 5, auditHash: 'f00d' } })).toEqual([5]);
  });
});

test.each(['actor', 'what', 'at', 'rotationId', 'hash'] as const)(
  'whatever the %s of any record is changed to, it is found',
  (name) => {
    const trail = aTrail();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.string(), (seq, text) => {
        fc.pre(trail.records[seq - 1]?.[name] !== text);
        expect(seqs({ ...trail, records: changed(trail, seq, { [name]: text }) })).not.toEqual([]);
      }),
    );
  },
);
