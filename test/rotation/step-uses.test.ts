/** What each step asks of its ports, over every scenario and its faults, against the table that its rights follow from. */
import { describe, expect, test } from 'vitest';
import { IssuerRejected } from '../../lib/rotation/errors.ts';
import { type StepName, steps, type Use } from '../../lib/workflow/steps.ts';
import { anAnnouncement } from '../support/builders.ts';
import { changeOf } from '../support/commits.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow, useCases } from '../support/run-workflow.ts';
import { dyingAgainAndAgain, type HookOf } from './deaths.ts';
import { aWorldWithKey, canDisable, scenarios } from './scenarios.ts';

/** The rights that a call needs; a call that is not here needs none that anybody knows of. */
const rights: Readonly<Record<string, readonly Use[]>> = {
  'ledger.load': ['ledger.read'],
  'ledger.claim': ['ledger.read'],
  'ledger.commit': ['ledger.write'],
  'ledger.takeLease': ['ledger.write'],
  'ledger.dropLease': ['ledger.write'],
  'ledger.note': ['ledger.write'],
  'ledger.announced': ['ledger.write'],
  // The locks and the processes' reports are rows of the ledger's table.
  'issuerLocks.take': ['ledger.write'],
  'issuerLocks.drop': ['issuer.lock'],
  'usage.presence': ['ledger.read'],
  'events.put': ['events.put'],
  'secrets.create': ['secrets.create'],
  'secrets.put': ['secrets.put'],
  'secrets.read': ['secrets.read'],
  'secrets.versions': ['secrets.versions'],
  'secrets.describe': ['secrets.versions'],
  // Whoever moves a stage looks where it is.
  'secrets.moveCurrent': ['secrets.moveStage', 'secrets.versions'],
  'secrets.addStage': ['secrets.moveStage', 'secrets.versions'],
  'secrets.dropStage': ['secrets.moveStage', 'secrets.versions'],
  'issuer.create': ['issuer.create'],
  'issuer.list': ['issuer.list'],
  'issuer.probe': ['issuer.probe'],
  'issuer.revoke': ['issuer.revoke'],
  'issuer.disable': ['issuer.disable'],
  'issuer.enable': ['issuer.disable'],
  'issuer.lastUse': ['issuer.lastUse'],
  'target.deploy': ['target.deploy'],
  'clock.sleep': [],
};

/** What Deploy key reads is for targets that hold a copy, a right of its own. */
const rightsOf = (step: StepName, call: string): readonly Use[] =>
  step === 'deployKey' && call === 'secrets.read' ? ['secrets.copy'] : (rights[call] ?? []);

const seeds = Array.from({ length: 8 }, (_, index) => index + 1);

const allLive: HookOf = () => (_call, effect) => effect();

const names = Object.keys(steps) as readonly StepName[];

/** Lets the steps run somehow, all their calls through `recorded`. */
type Course = (recorded: (inner: HookOf) => HookOf) => Promise<void>;

/** Every scenario, as it goes well and as it dies again and again. */
const throughScenarios: Course = async (recorded) => {
  for (const scenario of scenarios) {
    for (const inner of [allLive, ...seeds.map((seed) => dyingAgainAndAgain(seed, 12))]) {
      const { world, ref, meanwhile } = await scenario.stage();
      await runWorkflow(world, ref, { meanwhile, hookOf: recorded(inner) });
    }
  }
};

/** The issuer makes a key and says that it did not; without labels nobody else may make one while it is looked for. */
const givenUp: Course = async (recorded) => {
  const world = await aWorldWithKey({ capabilities: { named: false } });
  world.issuer.createThenFail(new IssuerRejected('the secret is too short'));
  await runWorkflow(world, await world.nextRotation(), { hookOf: recorded(allLive) });
};

const withFailingTarget: Course = async (recorded) => {
  const world = await aWorldWithKey({ declaration: { targets: ['vault'] } });
  world.targetOf('vault').fail();
  const meanwhile = async () => {
    world.targetOf('vault').fail(false);
    await world.report();
  };
  await runWorkflow(world, await world.nextRotation(), { meanwhile, hookOf: recorded(allLive) });
};

const withSilentConsumer: Course = async (recorded) => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
  for (let look = 0; look < 40; look += 1) {
    const hook = recorded(allLive)('checkDrain');
    const { lookAt } = await useCases.checkDrain(world.ports({ hook }), ref);
    if (lookAt) world.clock.set(lookAt);
  }
};

const withWitness: Course = async (recorded) => {
  const says = { disable: true, lastUsedLag: 60, reportsDenied: true };
  const world = await aWorldWithKey({ capabilities: says });
  await runWorkflow(world, await world.nextRotation(), { hookOf: recorded(allLive) });
};

/** Each step finds an event that the one before has written, and could not send. */
const owingAnEvent: Course = async (recorded) => {
  for (const step of [
    'verifyKey',
    'promoteKey',
    'checkDrain',
    'askOwner',
    'disableKey',
    'checkBreakage',
    'revokeKey',
    'proveDead',
    'complete',
  ] as const) {
    const world = await aWorldWithKey(canDisable);
    const ref = await world.nextRotation();
    const meanwhile = step === 'askOwner' ? async () => {} : undefined;
    await runWorkflow(world, ref, { until: step, ...(meanwhile && { meanwhile }) });
    const { credential, rotation } = await world.view(ref);
    if (!rotation) throw new Error('the rotation has not begun');
    const outbox = [anAnnouncement({ seq: credential.auditSeq + 1 })];
    await world.ledger.commit(changeOf(credential, { rotation: { ...rotation, outbox }, run: rotation.run }));
    const hook = recorded(allLive)(step);
    await useCases[step](world.ports({ timeout: steps[step].timeout, hook }), ref);
  }
};

async function callsOfSteps(courses: readonly Course[]): Promise<ReadonlyMap<StepName, ReadonlySet<string>>> {
  const calls = new Map(names.map((name) => [name, new Set<string>()]));
  const recorded = (inner: HookOf): HookOf => {
    return (step) => {
      const hook = inner(step);
      return (call, effect) => {
        calls.get(step)?.add(callName(call));
        return hook(call, effect);
      };
    };
  };
  for (const course of courses) await course(recorded);
  return calls;
}

describe('the rights of', async () => {
  const courses = [
    throughScenarios,
    givenUp,
    withFailingTarget,
    withSilentConsumer,
    withWitness,
    owingAnEvent,
  ];
  const calls = await callsOfSteps(courses);

  test.each(names)('%s are for what it calls, and for nothing else', (step) => {
    const called = [...(calls.get(step) ?? [])];
    expect(called.filter((call) => !(call in rights))).toEqual([]);
    const used = called.flatMap((call) => rightsOf(step, call));
    expect([...new Set(used)].sort()).toEqual([...steps[step].uses].sort());
  });
});
