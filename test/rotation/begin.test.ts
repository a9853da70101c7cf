import { describe, expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { InvalidInput, LedgerChanged, Superseded } from '../../lib/rotation/errors.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

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
