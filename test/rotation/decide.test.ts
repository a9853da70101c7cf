import { describe, expect, test } from 'vitest';
import { askOwner } from '../../lib/rotation/ask-owner.ts';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { type DecideInput, decide } from '../../lib/rotation/decide.ts';
import { AlreadyDecided, DecisionStale, InvalidInput, StepBusy } from '../../lib/rotation/errors.ts';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aLease } from '../support/builders.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import { aWorldWithKey, canDisable } from './scenarios.ts';

/** A rotation in its grace, with a consumer that stays on the old key. */
async function inGrace() {
  const world = await aWorldWithKey(canDisable);
  const old = (await world.currentVersion()) ?? '';
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
  await world.report({ holds: [old] });
  return { world, ref };
}

/** The same, with the question put and the execution waiting for the answer. */
async function waiting() {
  const { world, ref } = await inGrace();
  world.clock.set(graceFacts(await world.rotation(ref))?.deadline ?? '');
  await checkDrain(world.ports(), ref);
  world.executions.waitFor('token-1');
  await askOwner(world.ports(), { ...ref, token: 'token-1' });
  return { world, ref };
}

const decided = (world: World, input: Partial<DecideInput>) =>
  decide(world.ports(), { credentialId: world.credentialId, choice: 'revoke', by: 'ada', ...input });

describe('a decision', () => {
  test('wakes the execution that waits for it', async () => {
    const { world, ref } = await waiting();
    await expect(decided(world, {})).resolves.toEqual({
      rotationId: ref.rotationId,
      question: 1,
      woken: true,
    });
    expect(world.executions.woken).toEqual(['token-1']);
    expect(world.executions.started).toEqual([]);
  });

  test('starts the next run when nobody waits for it', async () => {
    const { world, ref } = await inGrace();
    await expect(decided(world, {})).resolves.toMatchObject({ question: 0, woken: false });
    expect(world.executions.started.map(({ name, input }) => [name, input.run])).toEqual([
      [`${ref.rotationId}-2`, 2],
    ]);
  });

  test('starts the next run when the execution that waited has just stopped to', async () => {
    const { world, ref } = await waiting();
    await world.executions.wake('token-1');
    await expect(decided(world, {})).resolves.toMatchObject({ woken: false });
    expect(world.executions.started.map(({ name }) => name)).toEqual([`${ref.rotationId}-2`]);
  });

  test('stands in the audit trail with who made it', async () => {
    const { world } = await waiting();
    await decided(world, { by: 'arn:aws:sts::123456789012:assumed-role/ops/ada' });
    const record = (await world.ledger.audit(world.credentialId)).at(-1);
    expect(record).toMatchObject({
      what: 'decided',
      actor: 'arn:aws:sts::123456789012:assumed-role/ops/ada',
      after: { phase: 'revoking', decision: { choice: 'revoke', question: 1 } },
    });
  });

  test('to revoke needs no proof and no trial', async () => {
    const { world, ref } = await waiting();
    await decided(world, {});
    await runWorkflow(world, ref, { meanwhile: async () => {} });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed', drainedAt: null });
    expect(world.issuer.calls.map(({ verb }) => verb)).not.toContain('disable');
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });

  test('to extend gives it more time from now on', async () => {
    const { world, ref } = await waiting();
    world.clock.advance(3600);
    await decided(world, { choice: 'extend', seconds: 86_400 });
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'grace',
      deadline: plus(world.clock.now(), 86_400),
      question: null,
    });
    await expect(checkDrain(world.ports(), ref)).resolves.toMatchObject({ next: 'wait' });
  });

  test('to extend brings a key back that is disabled for a trial', async () => {
    const { world, ref } = await inGrace();
    await runWorkflow(world, ref, { until: 'checkBreakage' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'observing' });
    await decided(world, { choice: 'extend', seconds: 3600 });
    await runWorkflow(world, { ...ref, run: 2 }, { until: 'checkDrain' });
    expect(world.issuer.calls.at(-1)).toEqual({ verb: 'enable', keyId: 'key-1' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'grace', breakages: 0 });
    expect(world.events.events.at(-1)).toMatchObject({ type: 'Key Enabled', detail: { brokenBy: [] } });
  });
});

describe('a decision in a trial', () => {
  test('to extend keeps the key for so long, and it can be rolled back meanwhile', async () => {
    const { world, ref } = await inGrace();
    await runWorkflow(world, ref, { until: 'checkBreakage' });
    await decided(world, { choice: 'extend', seconds: 86_400 });
    await runWorkflow(world, { ...ref, run: 2 }, { until: 'checkDrain' });
    await world.report();
    await expect(checkDrain(world.ports(), { ...ref, run: 2 })).resolves.toMatchObject({ next: 'wait' });
    await decided(world, { choice: 'roll-back' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'rolling-back' });
  });

  test('to revoke ends it, whoever misses the key', async () => {
    const { world, ref } = await inGrace();
    const [old] = await world.keys();
    await runWorkflow(world, ref, { until: 'checkBreakage' });
    const missed = { [old?.versionId ?? '']: world.clock.now() };
    await world.report({ consumer: 'cron', instance: 'one', holds: [], lastUse: missed });
    await decided(world, {});
    await runWorkflow(world, { ...ref, run: 2 });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    expect(world.issuer.liveKeys()).toHaveLength(1);
  });
});

test('a decision that no execution has heard of can be repeated, and only wakes then', async () => {
  const { world, ref } = await inGrace();
  const executions = {
    ...world.executions,
    start: async () => {
      throw new Error('Step Functions is away');
    },
  };
  const away = { ...world.ports(), executions };
  const input = { credentialId: world.credentialId, choice: 'roll-back', by: 'ada' } as const;
  await expect(decide(away, input)).rejects.toThrow('Step Functions is away');
  const { length } = await world.ledger.audit(world.credentialId);
  await expect(decide(world.ports(), input)).resolves.toMatchObject({ woken: false });
  expect(await world.ledger.audit(world.credentialId)).toHaveLength(length);
  expect(world.executions.started.map(({ name }) => name)).toEqual([`${ref.rotationId}-2`]);
});

describe('a decision is refused', () => {
  test('on a question that is not open', async () => {
    const { world } = await waiting();
    await expect(decided(world, { question: 2 })).rejects.toThrow(DecisionStale);
    await decided(world, { choice: 'extend', seconds: 60, question: 1 });
    await expect(decided(world, { question: 1 })).rejects.toThrow(/not open any more, none is open now/);
  });

  test('on another rotation than the one that was looked at', async () => {
    const { world } = await waiting();
    await expect(decided(world, { question: 1, rotationId: 'the-one-before' })).rejects.toThrow(
      DecisionStale,
    );
  });

  test('while a step is at work, and then it can be made', async () => {
    const { world, ref } = await waiting();
    const until = plus(world.clock.now(), 30);
    await world.ledger.takeLease(ref, aLease({ until }), world.clock.now());
    await expect(decided(world, {})).rejects.toThrow(StepBusy);
    world.clock.advance(31);
    await expect(decided(world, {})).resolves.toMatchObject({ woken: true });
  });

  test.each([
    ['a credential that is not registered', { credentialId: 'nobody' }, /not registered/],
    ['an extension without a length', { choice: 'extend' }, /between 1 s and 30 d/],
    ['an extension of 31 days', { choice: 'extend', seconds: 31 * 86_400 }, /between 1 s and 30 d/],
  ] as const)('for %s', async (_what, input, why) => {
    const { world } = await waiting();
    const refused = decided(world, input);
    await expect(refused).rejects.toThrow(InvalidInput);
    await expect(refused).rejects.toThrow(why);
  });

  test('when nothing rotates', async () => {
    const world = await aWorldWithKey();
    await expect(decided(world, {})).rejects.toThrow(/not rotating/);
  });

  test('before the new key is promoted', async () => {
    const world = await aWorldWithKey();
    await runWorkflow(world, await world.nextRotation(), { until: 'verifyKey' });
    await expect(decided(world, {})).rejects.toThrow(/no old key waits/);
  });

  test('to roll back while the old key is disabled for a trial', async () => {
    const { world, ref } = await inGrace();
    await runWorkflow(world, ref, { until: 'checkBreakage' });
    await expect(decided(world, { choice: 'roll-back' })).rejects.toThrow(/"extend" enables it and keeps it/);
  });

  test('to roll back twice', async () => {
    const { world, ref } = await waiting();
    await decided(world, { choice: 'roll-back' });
    await runWorkflow(world, ref, { until: 'checkDrain', meanwhile: async () => {} });
    await expect(decided(world, { choice: 'roll-back' })).rejects.toThrow(/rolled back already/);
  });

  test('to roll back a retirement', async () => {
    const world = await aWorldWithKey();
    await world.redeploy('without it');
    await runWorkflow(world, await world.nextRotation(), { until: 'checkDrain' });
    await expect(decided(world, { choice: 'roll-back' })).rejects.toThrow(/declare it again/);
  });
});

describe('Ask owner', () => {
  test('keeps the token and says until when the execution sleeps', async () => {
    const { world, ref } = await waiting();
    expect(await world.rotation(ref)).toMatchObject({
      token: 'token-1',
      expectedBy: plus(world.clock.now(), 3600 + 900),
    });
  });

  test('ends at once when the answer was faster', async () => {
    const { world, ref } = await inGrace();
    world.clock.set(graceFacts(await world.rotation(ref))?.deadline ?? '');
    await checkDrain(world.ports(), ref);
    await decided(world, { choice: 'extend', seconds: 3600 });
    await expect(askOwner(world.ports(), { ...ref, token: 'token-1' })).rejects.toThrow(AlreadyDecided);
    expect(await world.rotation(ref)).toMatchObject({ token: null });
  });

  test('waits with the newer token when it runs twice', async () => {
    const { world, ref } = await waiting();
    world.executions.waitFor('token-2');
    await askOwner(world.ports(), { ...ref, token: 'token-2' });
    await decided(world, {});
    expect(world.executions.woken).toEqual(['token-2']);
  });
});
