import { describe, expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { InvalidInput, IssuerUnavailable, LedgerChanged, Superseded } from '../../lib/rotation/errors.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import { pause } from '../../lib/rotation/pause.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { aDeclaration } from '../support/builders.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';
import { expectNothingRevoked, expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldToAdopt, aWorldWithKey } from './scenarios.ts';

describe('Begin', () => {
  test('takes the lock, uses the generation up and announces the rotation', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    const answer = await begin(world.ports(), { ...ref, requestedBy: 'ada' });
    expect(answer).toEqual({ next: 'issueKey' });
    expect((await world.view()).credential).toMatchObject({
      status: 'rotating',
      activeRotation: ref.rotationId,
      lastGeneration: 2,
      currentGeneration: 1,
      dueAt: null,
    });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Started',
      detail: { generation: 2, requestedBy: 'ada' },
    });
    expect((await world.ledger.audit(world.credentialId)).at(-1)).toMatchObject({
      actor: 'ada',
      what: 'rotationStarted',
    });
  });

  test('refuses a credential that nobody has registered', async () => {
    const world = await aWorld();
    const ref = { ...(await world.nextRotation()), credentialId: 'unheard-of' };
    await expect(begin(world.ports(), { ...ref, requestedBy: 'ada' })).rejects.toThrow(InvalidInput);
  });

  test('refuses a rotation that is not the next one', async () => {
    const world = await aWorldWithKey();
    const late = await world.nextRotation();
    await runWorkflow(world, late);
    const tooEarly = { ...late, rotationId: 'e0a0ab52-0000-5000-8000-000000000000' };
    await expect(begin(world.ports(), { ...tooEarly, requestedBy: 'ada' })).rejects.toThrow(Superseded);
    expect((await world.view()).credential).toMatchObject({ status: 'active', lastGeneration: 2 });
  });

  test('refuses a second rotation while one runs', async () => {
    const world = await aWorldWithKey();
    await begin(world.ports(), { ...(await world.nextRotation()), requestedBy: 'ada' });
    const second = await world.nextRotation();
    await expect(begin(world.ports(), { ...second, requestedBy: 'bob' })).rejects.toThrow(Superseded);
  });

  test('of two at once lets one take the lock', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    const both = await Promise.allSettled([
      begin(world.ports(), { ...ref, requestedBy: 'ada' }),
      begin(world.ports(), { ...ref, requestedBy: 'bob' }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [reason] = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect([Superseded, LedgerChanged]).toContain(reason.constructor);
    expect((await world.ledger.rotations(world.credentialId)).length).toBe(2);
  });
});

const places: readonly StepName[] = [
  'issueKey',
  'verifyKey',
  'promoteKey',
  'checkDrain',
  'revokeKey',
  'proveDead',
  'complete',
];

test.each(places)('a fresh execution takes over where %s is next, and brings it to its end', async (step) => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: step });
  const answer = await begin(world.ports(), { ...ref, run: 2, requestedBy: 'resume' });
  expect(answer).toEqual({ next: step });
  await runWorkflow(world, { ...ref, run: 2 });
  expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', run: 2 });
  expect(world.issuer.liveKeys()).toHaveLength(1);
});

test('a rotation that has ended has nothing to begin', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref);
  await expect(begin(world.ports(), { ...ref, requestedBy: 'ada' })).resolves.toEqual({ next: 'end' });
});

describe('a freeze that began between the start and Begin', () => {
  const window = { days: ['sat'], from: '02:00', to: '04:00', timeZone: 'UTC' } as const;
  const declaration = { policy: { ...aDeclaration().policy, windows: [window] } };

  test('as a pause stops the rotation, which stays due', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await pause(world.ports(), { credentialId: world.credentialId, by: 'ada', reason: 'release week' });
    const before = world.ledger.rows();
    const refused = begin(world.ports(), { ...ref, requestedBy: 'schedule' });
    await expect(refused).rejects.toThrow(Superseded);
    await expect(refused).rejects.toThrow('was paused by ada before its rotation began');
    expect(world.ledger.rows()).toEqual(before);
    expect((await world.view()).credential).toMatchObject({ activeRotation: null, lastGeneration: 1 });
    expect((await world.view()).credential.dueAt).not.toBeNull();
  });

  test('as the end of its window stops the rotation, which stays due', async () => {
    const world = await aWorldWithKey({ declaration });
    world.clock.set('2026-03-07T04:00:00.000Z');
    const before = world.ledger.rows();
    const ref = await world.nextRotation();
    const refused = begin(world.ports(), { ...ref, requestedBy: 'schedule' });
    await expect(refused).rejects.toThrow(Superseded);
    await expect(refused).rejects.toThrow('it opens at 2026-03-14T02:00:00.000Z');
    expect(world.ledger.rows()).toEqual(before);
    expect((await world.view()).credential.dueAt).not.toBeNull();
  });

  test.each([
    ['a first key', () => aWorld({ declaration }), 'issueKey'],
    ['an adoption', () => aWorldToAdopt({ declaration }), 'verifyKey'],
  ])('as the end of a window does not hold up %s', async (_what, make, next) => {
    const world = await make();
    const ref = await world.nextRotation();
    await expect(begin(world.ports(), { ...ref, requestedBy: 'schedule' })).resolves.toEqual({ next });
  });
});

describe('the room at the issuer', () => {
  /** An issuer that allows two keys, of which a credential's current one is the first. */
  async function twoKeysAllowed() {
    const world = await aWorldWithKey({ capabilities: { maxLiveKeys: 2, disable: true } });
    return { world, ref: await world.nextRotation() };
  }

  test('that a foreign key takes up blocks the rotation, which names it and leaves it alone', async () => {
    const { world, ref } = await twoKeysAllowed();
    const { keyId } = world.issuer.addForeignKey();
    world.clock.advance(10);
    const run = await runWorkflow(world, ref);
    expect(run).toMatchObject({ entered: ['begin'], outcome: 'blocked' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'blocked',
      attempt: 0,
      reason: expect.stringMatching(/allows 2 keys and lists 2 already, of them not keyturn's: key-2\./),
    });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Unknown Key Found',
      detail: { issuer: 'openai', keyIds: [keyId] },
    });
    await expectNothingRevoked(world);
    expect(world.issuer.liveKeys()).toHaveLength(2);
    await expectSoundAudit(world);
  });

  test('is taken up by inactive keys as well', async () => {
    const { world, ref } = await twoKeysAllowed();
    const { keyId } = world.issuer.addForeignKey();
    world.clock.advance(10);
    await world.issuer.disable(keyId);
    await expect(begin(world.ports(), { ...ref, requestedBy: 'ada' })).resolves.toEqual({ next: 'blocked' });
  });

  test('that keyturn’s own keys take up blocks nothing: it is tried again later', async () => {
    const world = await aWorldWithKey({ capabilities: { maxLiveKeys: 1 } });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: expect.stringMatching(/^IssuerRejected: .* all of them keyturn's: there is room again when/),
    });
    await expectOneKey(world);
    expect((await world.view()).credential.dueAt).toBe(plus(world.clock.now(), 900));
  });

  test('is enough for a first key where one is allowed', async () => {
    const world = await aWorld({ capabilities: { maxLiveKeys: 1 } });
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    await expectOneKey(world);
  });

  test('is there again once somebody has made it and asked: the next rotation goes on', async () => {
    const { world, ref } = await twoKeysAllowed();
    const { keyId } = world.issuer.addForeignKey();
    world.clock.advance(10);
    await runWorkflow(world, ref);
    expect((await world.view()).credential).toMatchObject({ status: 'blocked', dueAt: null });
    await world.issuer.revoke(keyId);
    world.clock.advance(10);
    const { credentialId } = world;
    const answer = await startRotation(world.ports(), { credentialId, requestedBy: 'ada' });
    expect(answer.outcome).toBe('started');
    const next = await world.nextRotation();
    await world.report();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ phase: 'completed', generation: 3 });
    await expectOneKey(world);
  });

  test('is not asked for again by a run that takes over after an attempt: its own key may be listed', async () => {
    const { world, ref } = await twoKeysAllowed();
    await runWorkflow(world, ref, { until: 'verifyKey' });
    world.clock.advance(10);
    expect(await world.issuer.list()).toHaveLength(2);
    const answer = await begin(world.ports(), { ...ref, run: 2, requestedBy: 'resume' });
    expect(answer).toEqual({ next: 'verifyKey' });
  });

  test('is not asked for again while the key of an attempt is lost', async () => {
    const { world, ref } = await twoKeysAllowed();
    await runWorkflow(world, ref, { until: 'issueKey' });
    world.issuer.createThenFail();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    world.clock.advance(10);
    expect(await world.issuer.list()).toHaveLength(2);
    const answer = await begin(world.ports(), { ...ref, run: 2, requestedBy: 'resume' });
    expect(answer).toEqual({ next: 'issueKey' });
    await runWorkflow(world, { ...ref, run: 2 });
    await expectOneKey(world);
  });

  test('of nobody knows what, where the issuer has no lists, blocks nothing', async () => {
    const world = await aWorldWithKey({ capabilities: { maxLiveKeys: 1, list: false } });
    const ref = await world.nextRotation();
    await expect(begin(world.ports(), { ...ref, requestedBy: 'ada' })).resolves.toEqual({ next: 'issueKey' });
  });
});
