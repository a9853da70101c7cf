import { describe, expect, test } from 'vitest';
import { abandon } from '../../lib/rotation/abandon.ts';
import { IssuerRejected, PastCommitPoint } from '../../lib/rotation/errors.ts';
import { labelOf } from '../../lib/rotation/ids.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { plus } from '../../lib/usage/instant.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import type { Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

async function reached(step: StepName) {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: step });
  return { world, ref };
}

/** From the first call of Abandon through Revoke key and Prove dead to its end. */
async function abandonedFrom(step: StepName) {
  const { world, ref } = await reached(step);
  await abandon(world.ports(), { ...ref, failure: { Error: 'KeyRefused' } });
  const run = await runWorkflow(world, ref);
  return { world, ref, run };
}

describe('the reason', () => {
  const reasonFor = async (failure?: { readonly Error: string; readonly Cause?: string }) => {
    const { world, ref } = await reached('issueKey');
    await abandon(world.ports(), { ...ref, failure });
    const rotation = await world.rotation(ref);
    return 'reason' in rotation ? rotation.reason : undefined;
  };

  test('is the message of what the handler threw', async () => {
    const Cause = JSON.stringify({
      errorType: 'KeyRefused',
      errorMessage: 'issuer "openai" made a key and does not accept it',
      trace: ['KeyRefused: …'],
    });
    expect(await reasonFor({ Error: 'KeyRefused', Cause })).toBe(
      'KeyRefused: issuer "openai" made a key and does not accept it',
    );
  });

  test('is the name of the error when its cause is no JSON', async () => {
    expect(await reasonFor({ Error: 'States.Timeout', Cause: 'the task timed out' })).toBe('States.Timeout');
  });

  test('is that somebody asked when nothing failed', async () => {
    expect(await reasonFor()).toBe('asked for');
  });
});

describe('before a key was made', () => {
  test('the rotation ends at once, and its generation is used up', async () => {
    const { world, ref } = await reached('issueKey');
    const now = world.clock.now();
    const answer = await abandon(world.ports(), { ...ref, failure: { Error: 'IssuerRejected' } });
    expect(answer).toEqual({ next: 'end' });
    expect((await world.view()).credential).toMatchObject({
      status: 'active',
      activeRotation: null,
      currentGeneration: 1,
      lastGeneration: 2,
      dueAt: plus(now, 900),
    });
    expect(world.events.events.at(-1)).toMatchObject({
      type: 'Rotation Abandoned',
      detail: { reason: 'IssuerRejected' },
    });
  });

  test('a credential without any key is new again', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    await abandon(world.ports(), ref);
    expect((await world.view()).credential).toMatchObject({ status: 'new', currentGeneration: 0 });
  });
});

describe.each<StepName>(['verifyKey', 'promoteKey'])('before %s', (step) => {
  test('the new key is condemned first', async () => {
    const { world, ref } = await reached(step);
    const answer = await abandon(world.ports(), { ...ref, failure: { Error: 'KeyRefused' } });
    expect(answer).toEqual({ next: 'revokeKey' });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoning',
      condemned: { generation: 2, keyId: 'key-2', why: 'abandoned' },
    });
  });

  test('the new key dies, and consumers never knew of it', async () => {
    const { world, ref, run } = await abandonedFrom(step);
    expect(run.entered).toEqual(['begin', 'revokeKey', 'proveDead', 'abandon']);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned', reason: 'KeyRefused' });
    expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-1']);
    expect((await world.keys()).map(({ status }) => status)).toEqual(['current', 'dead']);
    expect(await world.currentVersion()).toBe((await world.keys())[0]?.versionId);
  });

  test('the next rotation takes the next generation', async () => {
    const { world } = await abandonedFrom(step);
    const next = await world.nextRotation();
    await runWorkflow(world, next);
    expect(await world.rotation(next)).toMatchObject({ phase: 'completed', generation: 3, oldGeneration: 1 });
    expect((await world.keys()).map(({ status }) => status)).toEqual(['dead', 'dead', 'current']);
  });
});

test('several live keys are ended one after the other', async () => {
  const { world, ref } = await reached('promoteKey');
  world.issuer.addForeignKey(labelOf(ref.rotationId, 1));
  world.clock.advance(10);
  await abandon(world.ports(), ref);
  const run = await runWorkflow(world, ref);
  expect(run.entered).toEqual([
    ...['begin', 'revokeKey', 'proveDead', 'abandon'],
    ...['revokeKey', 'proveDead', 'abandon'],
  ]);
  expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(['key-1']);
});

test.each<StepName>(['checkDrain', 'revokeKey', 'proveDead', 'complete'])(
  'past the commit point, where %s is next, nothing is abandoned',
  async (step) => {
    const { world, ref } = await reached(step);
    const before = world.ledger.rows();
    await expect(abandon(world.ports(), { ...ref, failure: { Error: 'States.ALL' } })).rejects.toThrow(
      PastCommitPoint,
    );
    expect(world.ledger.rows()).toEqual(before);
  },
);

test('a promotion that has begun is not abandoned, whether AWSCURRENT has moved or not', async () => {
  const { world, ref } = await reached('promoteKey');
  const hook: Hook = async (call, effect) => {
    if (call.method === 'moveCurrent') throw new Error('the store is away');
    return effect();
  };
  await expect(promoteKey(world.ports({ hook }), ref)).rejects.toThrow('the store is away');
  expect(await world.rotation(ref)).toMatchObject({ phase: 'promoting' });
  await expect(abandon(world.ports(), ref)).rejects.toThrow(PastCommitPoint);
});

test('a rotation that was abandoned stays so', async () => {
  const { world, ref } = await abandonedFrom('verifyKey');
  const before = world.ledger.rows();
  await expect(abandon(world.ports(), ref)).resolves.toEqual({ next: 'end' });
  expect(world.ledger.rows()).toEqual(before);
  expect(world.metrics.filter((name) => name === 'RotationAbandoned')).toHaveLength(1);
});

describe('a key whose answer was lost just before the rotation is given up', () => {
  /** The issuer has made the key, and its answer was such that the step did not try again. */
  async function givenUp(capabilities: Parameters<typeof aWorldWithKey>[0]) {
    const world = await aWorldWithKey(capabilities);
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    world.issuer.createThenFail(new IssuerRejected('the secret is too short'));
    await runWorkflow(world, ref);
    return { world, ref };
  }

  test('is looked for once the issuer has had the time to list it, and dies', async () => {
    const { world, ref } = await givenUp({ capabilities: { createLag: 10 } });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned' });
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('blocks the credential where nobody can say whose it is', async () => {
    const { world, ref } = await givenUp({ capabilities: { named: false, exclusive: false } });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'blocked' });
    expect(world.events.events.at(-1)).toMatchObject({ type: 'Unknown Key Found' });
    expect(world.issuer.liveKeys()).toHaveLength(2);
  });
});
