import { describe, expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { executionNameOf } from '../../lib/rotation/ids.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import { resumeRotation } from '../../lib/rotation/resume-rotation.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { sweepDue } from '../../lib/rotation/sweep-due.ts';
import { plus, secondsBetween } from '../../lib/usage/instant.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import { expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldWithKey } from './scenarios.ts';

/** A rotation whose execution was started, and has got as far as to `step`. */
async function under(step: StepName) {
  const world = await aWorldWithKey();
  const { credentialId } = world;
  const ref = await world.nextRotation();
  await startRotation(world.ports(), { credentialId, requestedBy: 'ada' });
  await runWorkflow(world, ref, { until: step, meanwhile: async () => {} });
  return { world, ref };
}

/** The same, with its execution dead and presumed so. */
async function dead(step: StepName = 'verifyKey') {
  const { world, ref } = await under(step);
  world.executions.end(executionNameOf(ref.rotationId, ref.run));
  world.clock.set((await world.rotation(ref)).expectedBy);
  return { world, ref };
}

/** Runs that were started for a rotation, in order. */
const runsOf = (world: World, { rotationId }: RotationRef): readonly number[] =>
  world.executions.started
    .filter(({ input }) => input.rotationId === rotationId)
    .map(({ input }) => input.run);

const resume = async (world: World, ref: RotationRef) =>
  resumeRotation(world.ports(), await world.rotation(ref));

describe('a rotation whose execution has died', () => {
  test('is given to the next run by the sweep, once it was not heard of in time', async () => {
    const { world, ref } = await dead();
    world.clock.advance(-1);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ unheard: 0, resumed: 0 });
    world.clock.advance(1);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ unheard: 1, resumed: 1 });
    expect(world.executions.started.at(-1)).toMatchObject({
      name: executionNameOf(ref.rotationId, 2),
      input: { ...ref, run: 2, requestedBy: 'schedule' },
    });
  });

  test.each<StepName>(['verifyKey', 'checkDrain', 'proveDead', 'complete'])(
    'where %s was next goes on from there to its end',
    async (step) => {
      const world = await aWorldWithKey();
      const { credentialId } = world;
      const ref = await world.nextRotation();
      await startRotation(world.ports(), { credentialId, requestedBy: 'ada' });
      await runWorkflow(world, ref, { until: step });
      world.executions.end(executionNameOf(ref.rotationId, 1));
      world.clock.set((await world.rotation(ref)).expectedBy);
      await sweepDue(world.ports());
      const run = await runWorkflow(world, { ...ref, run: 2 });
      expect(run.entered.slice(0, 2)).toEqual(['begin', step]);
      expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', run: 2 });
      await expectOneKey(world);
      await expectSoundAudit(world);
    },
  );

  test('is resumed when nobody remembers its execution any more', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'verifyKey' });
    expect(await resume(world, ref)).toEqual({ outcome: 'resumed', run: 2 });
  });

  test('is resumed under the run after those that died before Begin could take over', async () => {
    const { world, ref } = await dead();
    await resume(world, ref);
    world.executions.end(executionNameOf(ref.rotationId, 2));
    expect(await resume(world, ref)).toEqual({ outcome: 'resumed', run: 3 });
    expect(runsOf(world, ref)).toEqual([1, 2, 3]);
    expect((await world.rotation(ref)).run).toBe(1);
    await begin(world.ports(), { ...ref, run: 3, requestedBy: 'schedule' });
    expect((await world.rotation(ref)).run).toBe(3);
  });

  test('is resumed however many runs have died before Begin: names never run out', async () => {
    const { world, ref } = await dead();
    for (let run = 2; run <= 100; run += 1) {
      const name = executionNameOf(ref.rotationId, run);
      await world.executions.start(name, { ...ref, run, requestedBy: 'schedule' });
      world.executions.end(name);
    }
    await expect(resume(world, ref)).resolves.toEqual({ outcome: 'resumed', run: 101 });
  });

  test('is resumed once by two sweeps at once', async () => {
    const { world, ref } = await dead();
    await Promise.all([sweepDue(world.ports()), sweepDue(world.ports())]);
    await sweepDue(world.ports());
    expect(runsOf(world, ref)).toEqual([1, 2]);
  });
});

describe('a rotation whose execution is at work', () => {
  test('is looked at again later, and nothing is started', async () => {
    const { world, ref } = await under('verifyKey');
    world.clock.set((await world.rotation(ref)).expectedBy);
    const { length } = await world.ledger.audit(world.credentialId);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ unheard: 1, resumed: 0 });
    expect(runsOf(world, ref)).toEqual([1]);
    const { expectedBy, resumes } = await world.rotation(ref);
    expect(expectedBy > world.clock.now()).toBe(true);
    expect(resumes).toBe(0);
    expect(await world.ledger.audit(world.credentialId)).toHaveLength(length);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ unheard: 0 });
  });

  test('is left alone for 60 days, then handed over: an execution can hold no more', async () => {
    const { world, ref } = await under('checkDrain');
    const startedAt = world.executions.started.at(-1)?.at ?? '';
    world.clock.set(plus(startedAt, 60 * 86_400));
    expect(await resume(world, ref)).toEqual({ outcome: 'runs' });
    world.clock.advance(1);
    expect(await resume(world, ref)).toEqual({ outcome: 'resumed', run: 2 });
    await begin(world.ports(), { ...ref, run: 2, requestedBy: 'schedule' });
    await expect(checkDrain(world.ports(), ref)).rejects.toThrow(
      expect.objectContaining({ name: 'Superseded' }),
    );
  });
});

describe('a resumption that brings nothing', () => {
  /** Sweeps until `count` more runs were started, each of which dies at once. */
  async function resumedInVain(world: World, ref: RotationRef, count: number): Promise<readonly number[]> {
    const waits: number[] = [];
    for (let time = 0; time < count; time += 1) {
      const begun = world.clock.now();
      await sweepDue(world.ports());
      world.executions.end(executionNameOf(ref.rotationId, runsOf(world, ref).at(-1) ?? 0));
      const { expectedBy } = await world.rotation(ref);
      waits.push(secondsBetween(begun, expectedBy));
      world.clock.set(expectedBy);
    }
    return waits;
  }

  test('is followed by the next after a minute, then twice as long each time, an hour at most', async () => {
    const { world, ref } = await dead();
    expect(await resumedInVain(world, ref, 9)).toEqual([60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    expect(runsOf(world, ref)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('is counted as stuck from the third on', async () => {
    const { world, ref } = await dead();
    const stuck = () => world.metrics.filter((name) => name === 'RotationStuck').length;
    await resumedInVain(world, ref, 2);
    expect(stuck()).toBe(0);
    await resumedInVain(world, ref, 2);
    expect(stuck()).toBe(2);
  });

  test('counts from the beginning after whatever gets on', async () => {
    const { world, ref } = await dead();
    await resumedInVain(world, ref, 4);
    expect((await world.rotation(ref)).resumes).toBe(4);
    await runWorkflow(world, { ...ref, run: 6 }, { until: 'verifyKey' });
    expect((await world.rotation(ref)).resumes).toBe(4);
    await runWorkflow(world, { ...ref, run: 6 }, { until: 'promoteKey' });
    expect((await world.rotation(ref)).resumes).toBe(0);
  });
});

describe('a resumption that comes too late', () => {
  test('starts nothing when a newer run has taken over', async () => {
    const { world, ref } = await dead();
    const stale = await world.rotation(ref);
    await begin(world.ports(), { ...ref, run: 2, requestedBy: 'ada' });
    expect(await resumeRotation(world.ports(), stale)).toEqual({ outcome: 'runs' });
    expect(runsOf(world, ref)).toEqual([1]);
  });

  test('of a rotation that has ended meanwhile starts a run that finds nothing to do', async () => {
    const { world, ref } = await dead();
    const stale = await world.rotation(ref);
    await runWorkflow(world, ref);
    const before = await world.keys();
    expect(await resumeRotation(world.ports(), stale)).toEqual({ outcome: 'resumed', run: 2 });
    const run = await runWorkflow(world, { ...ref, run: 2 });
    expect(run).toMatchObject({ entered: ['begin'], outcome: 'ended' });
    expect(await world.keys()).toEqual(before);
    await expectOneKey(world);
    await expect(sweepDue(world.ports())).resolves.toMatchObject({ unheard: 0 });
  });
});
