/** A run that has lost its rotation, or whose credential was taken away, changes nothing anywhere. */
import { describe, expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { Fenced, Superseded } from '../../lib/rotation/errors.ts';
import { labelOf } from '../../lib/rotation/ids.ts';
import type { Ports, RotationRef } from '../../lib/rotation/ports.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { changeOf } from '../support/commits.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow, useCases } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

/** Every step, and the worlds in which it has something to do. */
const stepsWithWork: readonly { readonly step: StepName; readonly refused?: boolean }[] = [
  { step: 'issueKey' },
  { step: 'verifyKey' },
  { step: 'promoteKey' },
  { step: 'deployKey' },
  { step: 'checkDrain' },
  { step: 'revokeKey' },
  { step: 'proveDead' },
  { step: 'complete' },
  { step: 'abandon', refused: true },
];

async function aboutToEnter({ step, refused }: (typeof stepsWithWork)[number]) {
  const world = await aWorldWithKey(step === 'deployKey' ? { declaration: { targets: ['vault'] } } : {});
  const ref = await world.nextRotation();
  if (refused) {
    const known = world.issuer.keys().map(({ secret }) => secret.reveal());
    world.issuer.distortProbes((answer, secret) => (known.includes(secret.reveal()) ? answer : 'dead'));
  }
  await runWorkflow(world, ref, { until: step });
  return { world, ref, enter: (ports: Ports) => useCases[step](ports, ref, { target: 'vault' }) };
}

/** An incident, which owns the credential from here on. */
async function bumpEpoch(world: World): Promise<void> {
  const { credential } = await world.view();
  await world.ledger.commit(changeOf(credential, { credential: { epoch: credential.epoch + 1 } }));
}

async function everything(world: World): Promise<unknown> {
  return {
    rows: world.ledger.rows(),
    keys: world.issuer.keys(),
    versions: await world.ports().secrets.versions(world.secretName),
    events: world.events.events,
    deployments: world.targetOf('vault').deployments,
  };
}

describe.each(stepsWithWork)('$step', (stage) => {
  test('of a run that was taken over is superseded and changes nothing', async () => {
    const { world, ref, enter } = await aboutToEnter(stage);
    await begin(world.ports(), { ...ref, run: 2, requestedBy: 'resume' });
    const before = await everything(world);
    await expect(enter(world.ports())).rejects.toThrow(Superseded);
    expect(await everything(world)).toEqual(before);
  });

  test('of a credential that was taken away is fenced and changes nothing', async () => {
    const { world, enter } = await aboutToEnter(stage);
    await bumpEpoch(world);
    const before = await everything(world);
    await expect(enter(world.ports())).rejects.toThrow(Fenced);
    expect(await everything(world)).toEqual(before);
  });

  test('that is fenced in the middle writes nothing after the fence', async () => {
    const { world, ref, enter } = await aboutToEnter(stage);
    const fence = fenceBeforeFirstCommit(world);
    await expect(enter(world.ports({ hook: fence.hook }))).rejects.toThrow(Fenced);
    expect(fence.commits()).toBe(1);
    expect(await auditAfter(world, fence.auditSeq())).toEqual([]);
    expect(await world.rotation(ref)).toMatchObject({ lease: null });
  });

  test('that is taken over in the middle writes nothing after that', async () => {
    const { world, ref, enter } = await aboutToEnter(stage);
    const takeOver = beforeFirstCommit(world, () => begin(world.ports(), resumed(ref)));
    await expect(enter(world.ports({ hook: takeOver.hook }))).rejects.toThrow(Superseded);
    expect(await auditAfter(world, takeOver.auditSeq())).toEqual([]);
  });
});

const resumed = (ref: RotationRef) => ({ ...ref, run: ref.run + 1, requestedBy: 'resume' });

const fenceBeforeFirstCommit = (world: World) => beforeFirstCommit(world, () => bumpEpoch(world));

/** Somebody acts between what the step has read and what it is about to write. */
function beforeFirstCommit(world: World, act: () => Promise<unknown>) {
  let commits = 0;
  let auditSeq = 0;
  return {
    commits: () => commits,
    /** Number of the newest audit record when the other had acted. */
    auditSeq: () => auditSeq,
    hook: async (
      call: { readonly port: string; readonly method: string },
      effect: () => Promise<unknown>,
    ) => {
      if (callName(call) !== 'ledger.commit') return effect();
      commits += 1;
      if (commits === 1) {
        await act();
        auditSeq = (await world.view()).credential.auditSeq;
      }
      return effect();
    },
  };
}

async function auditAfter(world: World, seq: number): Promise<readonly string[]> {
  const trail = await world.ledger.audit(world.credentialId);
  return trail.slice(seq).map(({ what }) => what);
}

test('a stale execution that begins again is superseded', async () => {
  const { world, ref } = await aboutToEnter({ step: 'verifyKey' });
  await begin(world.ports(), resumed(ref));
  const before = await everything(world);
  await expect(begin(world.ports(), { ...ref, requestedBy: 'schedule' })).rejects.toThrow(Superseded);
  expect(await everything(world)).toEqual(before);
});

test('an execution of a fenced rotation cannot take it over', async () => {
  const { world, ref } = await aboutToEnter({ step: 'verifyKey' });
  await bumpEpoch(world);
  const before = await everything(world);
  await expect(begin(world.ports(), resumed(ref))).rejects.toThrow(Fenced);
  expect(await everything(world)).toEqual(before);
});

test('a run that takes over waits for the lease of the one that died, then finishes the rotation', async () => {
  const { world, ref } = await aboutToEnter({ step: 'promoteKey' });
  const lease = { requestId: 'the dead one', until: '2026-03-03T10:00:00.000Z' };
  await world.ledger.takeLease(ref, lease, world.clock.now());
  await begin(world.ports(), resumed(ref));
  await expect(useCases.promoteKey(world.ports(), { ...ref, run: 2 })).rejects.toThrow(
    expect.objectContaining({ name: 'StepBusy' }),
  );
  world.clock.set('2026-03-03T10:00:01.000Z');
  expect(await runWorkflow(world, { ...ref, run: 2 })).toMatchObject({ outcome: 'ended' });
  expect(await world.rotation({ ...ref, run: 2 })).toMatchObject({ phase: 'completed', run: 2 });
});

test('a fence between the create and its record leaves a key that its label gives away', async () => {
  const { world, ref } = await aboutToEnter({ step: 'issueKey' });
  const hook = async (
    call: { readonly port: string; readonly method: string },
    effect: () => Promise<unknown>,
  ) => {
    const answer = await effect();
    if (callName(call) === 'issuer.create') await bumpEpoch(world);
    return answer;
  };
  await expect(useCases.issueKey(world.ports({ hook }), ref)).rejects.toThrow(Fenced);
  expect(await world.keys()).toHaveLength(1);
  expect(world.issuer.liveKeys().at(-1)?.label).toBe(labelOf(ref.rotationId, 1));
});
