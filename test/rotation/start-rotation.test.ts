import { describe, expect, test } from 'vitest';
import { executionNameOf } from '../../lib/rotation/ids.ts';
import { pause, unpause } from '../../lib/rotation/pause.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

const ask = (world: World, requestedBy = 'ada') =>
  startRotation(world.ports(), { credentialId: world.credentialId, requestedBy });

test('the next rotation is started under a name that follows from it', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await expect(ask(world)).resolves.toEqual({ outcome: 'started', rotationId: ref.rotationId });
  expect(world.executions.started).toMatchObject([
    { name: executionNameOf(ref.rotationId, 1), input: { ...ref, requestedBy: 'ada' } },
  ]);
});

test('asking twice, even at once, starts one execution', async () => {
  const world = await aWorld();
  const answers = await Promise.all([ask(world, 'ada'), ask(world, 'bob')]);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(world.executions.started).toHaveLength(1);
});

test('starting writes nothing to the ledger: Begin takes the lock', async () => {
  const world = await aWorld();
  const before = world.ledger.rows();
  await ask(world);
  expect(world.ledger.rows()).toEqual(before);
});

describe('a request is rejected', () => {
  const reasonOf = async (world: World) => {
    const answer = await ask(world);
    expect(world.executions.started).toMatchObject([]);
    return answer.outcome === 'rejected' ? answer.reason : answer.outcome;
  };

  test('for a credential that nobody has registered', async () => {
    const world = await aWorld();
    const answer = await startRotation(world.ports(), { credentialId: 'unheard-of', requestedBy: 'ada' });
    expect(answer).toMatchObject({ outcome: 'rejected', reason: expect.stringContaining('unheard-of') });
  });

  test('while a rotation runs, which is named', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'verifyKey' });
    expect(await reasonOf(world)).toContain(ref.rotationId);
  });

  test('while it is paused, and told by whom and why', async () => {
    const world = await aWorldWithKey();
    const by = { credentialId: world.credentialId, by: 'ada', reason: 'the release' };
    await pause(world.ports(), by);
    expect(await reasonOf(world)).toMatch(/is paused by ada since \S+ \(the release\): see "keyturn resume"/);
    await unpause(world.ports(), by);
    expect(await ask(world)).toMatchObject({ outcome: 'started' });
  });

  test('within ten minutes of the last promotion', async () => {
    const world = await aWorld();
    await runWorkflow(world, await world.nextRotation());
    world.clock.advance(590);
    expect(await reasonOf(world)).toMatch(/was promoted at .* can start at/);
    world.clock.advance(20);
    expect(await ask(world)).toMatchObject({ outcome: 'started' });
  });
});

test('a blocked credential rotates again when somebody asks, once a person has looked', async () => {
  const world = await aWorldWithKey({ capabilities: { named: false, exclusive: false } });
  world.issuer.createThenFail();
  const blocked = await world.nextRotation();
  await runWorkflow(world, blocked);
  expect(await world.rotation(blocked)).toMatchObject({ phase: 'blocked' });
  expect((await world.view()).credential).toMatchObject({ status: 'blocked', dueAt: null });
  const ref = await world.nextRotation();
  expect(await ask(world)).toEqual({ outcome: 'started', rotationId: ref.rotationId });
  await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
});

describe('an execution that died before Begin took the lock', () => {
  test('is followed by one of the next run', async () => {
    const world = await aWorld();
    const { rotationId } = await world.nextRotation();
    await ask(world);
    world.executions.end(`${rotationId}-1`);
    expect(await ask(world)).toEqual({ outcome: 'started', rotationId });
    expect(world.executions.started.map(({ name, input }) => [name, input.run])).toEqual([
      [`${rotationId}-1`, 1],
      [`${rotationId}-2`, 2],
    ]);
  });

  test('is followed by another however often that happens: names never run out', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    const { rotationId } = ref;
    for (let run = 1; run <= 100; run += 1) {
      const name = `${rotationId}-${run}`;
      await world.executions.start(name, { ...ref, run, requestedBy: 'schedule' });
      world.executions.end(name);
    }
    await expect(ask(world)).resolves.toMatchObject({ outcome: 'started' });
    expect(world.executions.started.at(-1)?.input).toMatchObject({ rotationId, run: 101 });
  });
});

test('in a demo rotations may follow each other at once', async () => {
  const world = await aWorld({ declaration: { mode: 'demo' } });
  await runWorkflow(world, await world.nextRotation());
  expect(await ask(world)).toMatchObject({ outcome: 'started' });
});
