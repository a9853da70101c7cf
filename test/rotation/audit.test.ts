import { describe, expect, test } from 'vitest';
import { canonicalJson, chain } from '../../lib/rotation/audit.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { anAuditRecord } from '../support/builders.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';

const digests = testDigests();
const { hash: _hash, ...record } = anAuditRecord();

describe('canonical JSON', () => {
  test('is the same text however the fields are ordered, at every depth', () => {
    expect(canonicalJson({ b: { d: 1, c: [{ z: 1, y: 2 }] }, a: 2 })).toBe(
      '{"a":2,"b":{"c":[{"y":2,"z":1}],"d":1}}',
    );
    expect(canonicalJson({ a: 2, b: { c: [{ y: 2, z: 1 }], d: 1 } })).toBe(
      canonicalJson({ b: { d: 1, c: [{ z: 1, y: 2 }] }, a: 2 }),
    );
  });

  test('keeps the order of lists', () => {
    expect(canonicalJson([2, 1])).toBe('[2,1]');
  });

  test('is the same with a field undefined as without it, as a database gives it back', () => {
    expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}');
  });
});

describe('the hash of an audit record', () => {
  test('is the SHA-256 of the hash before and the record', () => {
    const { hash } = chain(digests, 'before', record);
    expect(hash).toBe(digests.sha256(`before${canonicalJson(record)}`));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['the record before it', chain(digests, 'other', record)],
    ['its actor', chain(digests, '', { ...record, actor: 'mallory' })],
    ['its number', chain(digests, '', { ...record, seq: 2 })],
    ['what it says', chain(digests, '', { ...record, after: { status: 'active' } })],
  ])('changes with %s', (_what, other) => {
    expect(other.hash).not.toBe(chain(digests, '', record).hash);
  });

  test('can be checked against what the ledger gives back', () => {
    const stored = JSON.parse(JSON.stringify(chain(digests, '', { ...record, after: { a: undefined } })));
    const { hash, ...rest } = stored;
    expect(chain(digests, '', rest).hash).toBe(hash);
  });
});

test('the trail of a rotation says who did what, from what to what', async () => {
  const world = await aWorld();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref);
  const trail = await world.ledger.audit(world.credentialId);
  expect(trail.map(({ actor, what }) => `${actor}: ${what}`)).toEqual([
    'registration: registered',
    'schedule: rotationStarted',
    'step issueKey: attemptTaken',
    'step issueKey: keyMinted',
    'step issueKey: keyStored',
    'step verifyKey: keyVerified',
    'step promoteKey: promotionBegun',
    'step promoteKey: keyPromoted',
    'step checkDrain: nothingToDrain',
    'step complete: completed',
  ]);
  expect(trail[5]).toMatchObject({ before: { phase: 'verifying' }, after: { phase: 'verified' } });
  await expectSoundAudit(world);
});
