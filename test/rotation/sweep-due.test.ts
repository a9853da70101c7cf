import { describe, expect, test } from 'vitest';
import { registerCredentials } from '../../lib/rotation/register-credentials.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { secondsBetween } from '../../lib/usage/instant.ts';
import { aDeclaration } from '../support/builders.ts';
import type { Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

describe('the sweep', () => {
  test('starts what is due', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await expect(sweepDue(world.ports())).resolves.toEqual({ due: 1, started: 1 });
    expect(world.executions.started).toMatchObject([
      { input: { rotationId: ref.rotationId, requestedBy: 'schedule' } },
    ]);
  });

  test('starts nothing before its time', async () => {
    const world = await aWorldWithKey();
    await expect(sweepDue(world.ports())).resolves.toEqual({ due: 0, started: 0 });
    expect(world.executions.started).toMatchObject([]);
  });

  test('run again, or at once, starts each rotation once', async () => {
    const world = await aWorld();
    await Promise.all([sweepDue(world.ports()), sweepDue(world.ports())]);
    await sweepDue(world.ports());
    expect(world.executions.started).toHaveLength(1);
  });

  test('starts no more than five rotations a second', async () => {
    const world = await aWorld();
    const ids = Array.from({ length: 12 }, (_, index) => `agent-${index}`);
    const credentials = Object.fromEntries(ids.map((id) => [id, aDeclaration()]));
    await registerCredentials(world.ports(), { issuers: {}, targets: {}, credentials });
    const begun = world.clock.now();
    await expect(sweepDue(world.ports())).resolves.toEqual({ due: 13, started: 13 });
    expect(secondsBetween(begun, world.clock.now())).toBeCloseTo(13 / 5, 1);
  });

  test('tries an abandoned rotation again after a quarter of an hour, under a new id', async () => {
    const world = await aWorld();
    const first = await world.nextRotation();
    world.issuer.distortProbes(() => 'dead');
    await runWorkflow(world, first);
    expect(await sweepDue(world.ports())).toMatchObject({ due: 0 });
    world.clock.advance(901);
    await expect(sweepDue(world.ports())).resolves.toEqual({ due: 1, started: 1 });
    expect(world.executions.started[0]?.input.rotationId).not.toBe(first.rotationId);
  });
});

describe('a rotation that cannot be started', () => {
  test('holds up no other, and fails the sweep in the end', async () => {
    const world = await aWorld();
    await registerCredentials(world.ports(), {
      issuers: {},
      targets: {},
      credentials: { mirror: aDeclaration() },
    });
    let starts = 0;
    const hook: Hook = async (call, effect) => {
      if (call.method !== 'start') return effect();
      starts += 1;
      if (starts === 1) throw new Error('throttled');
      return effect();
    };
    await expect(sweepDue(world.ports({ hook }))).rejects.toThrow(
      '1 of 2 due rotations could not be started',
    );
    expect(world.executions.started).toHaveLength(1);
  });
});

test('the sweep leaves to the next minute what this invocation has no time for', async () => {
  const world = await aWorld();
  const ids = Array.from({ length: 9 }, (_, index) => `agent-${index}`);
  const credentials = Object.fromEntries(ids.map((id) => [id, aDeclaration()]));
  await registerCredentials(world.ports(), { issuers: {}, targets: {}, credentials });
  await expect(sweepDue(world.ports({ timeout: 11 }))).resolves.toEqual({ due: 10, started: 6 });
  await expect(sweepDue(world.ports({ timeout: 60 }))).resolves.toMatchObject({ started: 10 });
  expect(world.executions.started).toHaveLength(10);
});
