/** Counts that somebody is woken for: each comes once, and its log line says which credential it is about. */
import { expect, test } from 'vitest';
import { begin } from '../../lib/rotation/begin.ts';
import { deployKey } from '../../lib/rotation/deploy-key.ts';
import { IssuerRejected, IssuerUnavailable, UnknownKeyFound } from '../../lib/rotation/errors.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import type { CountName, Ports } from '../../lib/rotation/ports.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import type { StepName } from '../../lib/workflow/steps.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World, WorldOptions } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

/** The next rotation before `step`, in a world that writes down what each count is about. */
async function before(step: StepName, options: WorldOptions = {}) {
  const plain = await aWorldWithKey(options);
  const counts: { readonly name: CountName; readonly about: Readonly<Record<string, string>> }[] = [];
  const metrics: Ports['metrics'] = {
    count: (name, about = {}) => void counts.push({ name, about }),
    gauge: () => {},
  };
  const world: World = { ...plain, ports: (invoked) => ({ ...plain.ports(invoked), metrics }) };
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: step });
  const about = (wanted: CountName) => counts.filter(({ name }) => name === wanted).map((each) => each.about);
  return { world, ref, about, credential: world.credentialId };
}

const unplaceable = { capabilities: { named: false, exclusive: false } };

test('a rotation that Begin ends blocked counts as a blocked credential, once', async () => {
  const { world, ref, about, credential } = await before('begin', { capabilities: { maxLiveKeys: 2 } });
  world.issuer.addForeignKey();
  world.clock.advance(10);
  for (let time = 0; time < 2; time += 1) {
    await expect(begin(world.ports(), { ...ref, requestedBy: 'ada' })).resolves.toEqual({ next: 'blocked' });
  }
  expect(about('CredentialBlocked')).toEqual([{ credential }]);
});

test('so does one that Issue key ends, once', async () => {
  const { world, ref, about, credential } = await before('issueKey', unplaceable);
  world.issuer.failNext('create');
  await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
  world.issuer.addForeignKey();
  for (let time = 0; time < 2; time += 1) {
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(UnknownKeyFound);
  }
  expect(about('CredentialBlocked')).toEqual([{ credential }]);
});

test('so does one that Abandon ends, which then counts as no abandoned one', async () => {
  const { world, ref, about, credential } = await before('issueKey', unplaceable);
  world.issuer.createThenFail(new IssuerRejected('the secret is too short'));
  await runWorkflow(world, ref);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'blocked' });
  expect(about('CredentialBlocked')).toEqual([{ credential }]);
  expect(about('RotationAbandoned')).toEqual([]);
});

test('the fifth failure in a row names its credential', async () => {
  const { world, about, credential } = await before('begin');
  for (let time = 0; time < 5; time += 1) {
    world.issuer.failNext('create', new IssuerRejected('no'));
    await runWorkflow(world, await world.nextRotation());
  }
  expect(about('CredentialFailing')).toEqual([{ credential }]);
});

test('a target that refuses for good names its credential and itself', async () => {
  const { world, ref, about, credential } = await before('promoteKey', {
    declaration: { targets: ['vault'] },
  });
  await promoteKey(world.ports(), ref);
  world.targetOf('vault').fail('for good');
  await expect(deployKey(world.ports(), { ...ref, target: 'vault' })).rejects.toThrow();
  expect(about('TargetFailing')).toEqual([{ credential, target: 'vault' }]);
});
