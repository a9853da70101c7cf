/** Every step dies at every port call, in every way; the workflow goes on, and nothing is lost, doubled or orphaned. */
import { describe, expect, test } from 'vitest';
import { labelOf } from '../../lib/rotation/ids.ts';
import { pause } from '../../lib/rotation/pause.ts';
import type { OutgoingEvent } from '../../lib/rotation/rotation.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { runWorkflow, useCases, type Verdict, type WorkflowRun } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import {
  type Course,
  changedAt,
  courseOf,
  type Death,
  Died,
  deaths,
  dying,
  dyingAgainAndAgain,
  type Point,
  pointName,
  type StepRun,
  stepRunName,
} from './deaths.ts';
import {
  expectEvents,
  expectNoKey,
  expectNoSecretAnywhere,
  expectNoStageLeft,
  expectNothingRevoked,
  expectOneKey,
  expectSoundAudit,
  watchOver,
} from './invariants.ts';
import { aWorldWithKey, type Scenario, type Staged, scenarios } from './scenarios.ts';

type Row = { readonly scenario: Scenario } & Course;

const matrix = await Promise.all(
  scenarios.map(
    async (scenario): Promise<[string, Row]> => [scenario.name, { scenario, ...(await courseOf(scenario)) }],
  ),
);

const seeds = Array.from({ length: 25 }, (_, index) => index + 1);

/** What is told of a rotation that so many deaths have made to fail. */
const abandoned: readonly OutgoingEvent[] = ['Rotation Started', 'Rotation Abandoned'];

const left = {
  'one key': expectOneKey,
  'no key': expectNoKey,
  'what was there': expectNothingRevoked,
} as const;

async function expectSoundEnd(scenario: Scenario, { world, ref }: Staged, run: WorkflowRun): Promise<void> {
  expect(run.outcome).toBe(scenario.ends === 'blocked' ? 'blocked' : 'ended');
  expect(await world.rotation(ref)).toMatchObject({ phase: scenario.ends, lease: null, condemned: null });
  await left[scenario.leaves ?? 'one key'](world);
  await expectNoStageLeft(world);
  await expectSoundAudit(world);
  await expectEvents(world, ref, scenario.events);
  expectNoSecretAnywhere(world, [run]);
}

describe.each(matrix)('in %s', (_name, { scenario, points }) => {
  const cases = points.flatMap((point) =>
    deaths.map((death): [string, { point: Point; death: Death }] => [
      pointName(point, death),
      { point, death },
    ]),
  );

  test.each(cases)('%s, and the rotation ends as it should', async (_name, { point, death }) => {
    const staged = await scenario.stage();
    const { world, ref, meanwhile } = staged;
    const watch = watchOver(world);
    const hookOf = dying(point, death);
    const failures: unknown[] = [];
    const run = await runWorkflow(world, ref, {
      meanwhile,
      hookOf: (step) => watch.hook(hookOf(step)),
      onFailure: async (step, error) => {
        failures.push(error);
        if (error instanceof Died) await expectBusyWhileLeased(staged, step);
      },
    });
    expect(failures).not.toEqual([]);
    await expectSoundEnd(scenario, staged, run);
    expect(watch.mostLiveKeys()).toBeLessThanOrEqual(scenario.mostLiveKeys);
    expect(watch.momentsWithoutKey()).toEqual([]);
  });
});

/** The dead invocation holds its lease: whoever comes before it runs out is sent away and changes nothing. */
async function expectBusyWhileLeased({ world, ref }: Staged, step: StepName): Promise<void> {
  const { rotation } = await world.view(ref);
  if (step === 'begin' || !rotation?.lease) return;
  const before = world.ledger.rows();
  await expect(useCases[step](world.ports(), ref)).rejects.toThrow(
    expect.objectContaining({ name: 'StepBusy' }),
  );
  expect(world.ledger.rows()).toEqual(before);
}

describe.each(matrix)('in %s', (_name, { scenario, successes }) => {
  const runs = successes.map((run): [string, StepRun] => [stepRunName(run), run]);

  test.each(runs)('%s run again at once has no second effect', async (_name, { step, invocation }) => {
    const staged = await scenario.stage();
    const { world, ref, meanwhile } = staged;
    const verdicts: Verdict[] = [];
    let invocations = 0;
    const run = await runWorkflow(world, ref, {
      meanwhile,
      hookOf: (entered) => {
        if (entered === step) invocations += 1;
        return (_call, effect) => effect();
      },
      onSuccess: async (ended, verdict, again) => {
        if (ended !== step || invocations !== invocation) return;
        const before = await effects(world);
        verdicts.push(verdict, await again());
        expect(await effects(world)).toEqual(before);
      },
    });
    expect(verdicts).toHaveLength(2);
    expect(verdicts[1]?.next).toBe(verdicts[0]?.next);
    await expectSoundEnd(scenario, staged, run);
  });
});

describe.each(matrix)('in %s', (_name, { scenario }) => {
  test.each(seeds)('twelve deaths at calls drawn from seed %i leave one key and no trace', async (seed) => {
    const { world, ref, meanwhile } = await scenario.stage();
    const watch = watchOver(world);
    const hookOf = dyingAgainAndAgain(seed, 12);
    const run = await runWorkflow(world, ref, {
      meanwhile,
      hookOf: (step) => watch.hook(hookOf(step)),
    });
    const { phase } = await world.rotation(ref);
    expect([scenario.ends, 'abandoned']).toContain(phase);
    const leaves = scenario.leaves ?? 'one key';
    await (phase === scenario.ends && leaves !== 'one key' ? left[leaves] : expectOneKeyOrNone)(world);
    await expectSoundAudit(world);
    await expectEvents(world, ref, phase === scenario.ends ? scenario.events : abandoned);
    expectNoSecretAnywhere(world, [run]);
    expect(watch.mostLiveKeys()).toBeLessThanOrEqual(scenario.mostLiveKeys);
    expect(watch.momentsWithoutKey()).toEqual([]);
  });
});

/** An abandoned first key leaves the credential without any. */
async function expectOneKeyOrNone(world: World): Promise<void> {
  const { credential } = await world.view();
  if (credential.currentGeneration > 0) return expectOneKey(world);
  expect(credential).toMatchObject({ status: 'new', activeRotation: null });
  expect(world.issuer.liveKeys()).toEqual([]);
}

/** What somebody else may do to the credential's row while a step is at work. */
const changes: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'a pause': (world) =>
    pause(world.ports(), { credentialId: world.credentialId, by: 'ada', reason: 'a freeze' }),
  'a deploy': (world) => world.redeploy({ owner: { name: 'platform' } }),
};

describe.each(Object.entries(changes))('%s in the middle of a planned rotation', (what, change) => {
  const planned = matrix.find(([name]) => name === 'a planned rotation')?.[1];
  if (!planned) throw new Error('there is no planned rotation');
  const { scenario, points } = planned;
  const cases = points.map((point): [string, Point] => [pointName(point, 'is about to call'), point]);

  test.each(cases)('while %s costs no key and no rotation', async (_name, point) => {
    const staged = await scenario.stage();
    const { world, ref, meanwhile } = staged;
    const watch = watchOver(world);
    const hookOf = changedAt(point, () => change(world));
    const run = await runWorkflow(world, ref, { meanwhile, hookOf: (step) => watch.hook(hookOf(step)) });
    const { credential } = await world.view();
    expect(what === 'a pause' ? credential.pause?.by : credential.declaration.owner.name).toBe(
      what === 'a pause' ? 'ada' : 'platform',
    );
    expect(watch.momentsWithoutKey()).toEqual([]);
    expect(watch.mostLiveKeys()).toBeLessThanOrEqual(2);
    const made = world.issuer.calls.filter(({ verb }) => verb === 'create').length;
    if (run.outcome === 'without effect') {
      // It has not begun when it is paused: it is due as before.
      expect([point.step, what, made]).toEqual(['begin', 'a pause', 1]);
      await expectOneKey(world);
      return;
    }
    expect(made).toBe(2);
    await expectSoundEnd(scenario, staged, run);
  });
});

/** Everything that a step is there to change. */
async function effects(world: World): Promise<unknown> {
  const changing = ['create', 'revoke', 'disable', 'enable'];
  return {
    issuer: world.issuer.calls.filter(({ verb }) => changing.includes(verb)),
    versions: await world.ports().secrets.versions(world.secretName),
    audit: await world.ledger.audit(world.credentialId),
    events: world.events.events,
    targets: [...world.targets].map(([name, { deployments }]) => [name, deployments]),
  };
}

describe.each([
  ['that labels keys', true],
  ['without labels', false],
])('at an issuer %s', (_issuer, named) => {
  test('a create that lands after the next attempt makes three live keys until Complete removes it', async () => {
    const world = await aWorldWithKey({ capabilities: { named } });
    const ref = await world.nextRotation();
    const watch = watchOver(world);
    let creates = 0;
    const run = await runWorkflow(world, ref, {
      hookOf: () =>
        watch.hook(async (call, effect) => {
          if (call.method !== 'create' || call.port !== 'issuer') return effect();
          creates += 1;
          if (creates === 1) throw new Error('the request is still on the wire');
          const created = await effect();
          world.issuer.addForeignKey(named ? labelOf(ref.rotationId, 1) : undefined);
          return created;
        }),
    });
    expect(watch.mostLiveKeys()).toBe(3);
    expect(run.entered.slice(-4)).toEqual(['complete', 'revokeKey', 'proveDead', 'complete']);
    expect(watch.momentsWithoutKey()).toEqual([]);
    await expectOneKey(world);
    await expectSoundAudit(world);
  });
});
