import { describe, expect, test } from 'vitest';
import { NotProvenDead, ProbeUntrusted } from '../../lib/rotation/errors.ts';
import type { ProbeAnswer } from '../../lib/rotation/ports.ts';
import { proveDead } from '../../lib/rotation/prove-dead.ts';
import { plus, secondsBetween } from '../../lib/usage/instant.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { WorldOptions } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

const proof = async (world: Awaited<ReturnType<typeof aWorldWithKey>>) =>
  (await world.keys()).find(({ status }) => status === 'dead')?.proof;

async function revoked(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const old = world.issuer.keys()[0]?.secret.reveal();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'proveDead' });
  return {
    world,
    ref,
    answer: (answer: (real: ProbeAnswer) => ProbeAnswer) =>
      world.issuer.distortProbes((real, secret) => (secret.reveal() === old ? answer(real) : real)),
  };
}

describe('a key whose value we hold', () => {
  test('is dead after so many refusals in a row over the time that a revoke takes', async () => {
    const { world, ref } = await revoked({ capabilities: { revokeLag: 30, probes: 4 } });
    const begun = world.clock.now();
    await expect(proveDead(world.ports({ timeout: 900 }), ref)).resolves.toEqual({ next: 'complete' });
    expect(await proof(world)).toMatchObject({ by: 'refusal', probes: 4 });
    const { firstAt = '', lastAt = '' } = (await proof(world)) ?? {};
    expect(firstAt).toBe(plus(begun, 30));
    expect(secondsBetween(firstAt, lastAt)).toBeGreaterThanOrEqual(30);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completing', condemned: null });
  });

  test('needs a new row of refusals after it was accepted once more', async () => {
    const { world, ref, answer } = await revoked({ capabilities: { revokeLag: 10, probes: 3 } });
    const answers: ProbeAnswer[] = ['dead', 'dead', 'alive', 'dead', 'dead', 'dead'];
    answer(() => answers.shift() ?? 'alive');
    const begun = world.clock.now();
    await proveDead(world.ports({ timeout: 900 }), ref);
    expect(await proof(world)).toMatchObject({
      probes: 3,
      firstAt: plus(begun, 15),
      lastAt: plus(begun, 25),
    });
  });

  test.each<ProbeAnswer>(['alive', 'forbidden', 'unknown'])(
    'is not proven dead while the issuer answers %s',
    async (says) => {
      const { world, ref, answer } = await revoked();
      answer(() => says);
      const deadline = plus(world.clock.now(), 120);
      await expect(proveDead(world.ports({ timeout: 120 }), ref)).rejects.toThrow(NotProvenDead);
      expect(world.clock.now() < deadline).toBe(true);
      expect(await world.rotation(ref)).toMatchObject({ phase: 'revoking', condemned: { keyId: 'key-1' } });
      expect((await world.keys())[0]).toMatchObject({ status: 'revoked', proof: null });
    },
  );

  test('is not proven dead by an issuer that accepts the revoke and keeps the key', async () => {
    const world = await aWorldWithKey();
    world.issuer.ignoreRevokes();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'proveDead' });
    await expect(proveDead(world.ports({ timeout: 60 }), ref)).rejects.toThrow(NotProvenDead);
  });

  test('is not proven dead by a probe that accepts anything', async () => {
    const { world, ref } = await revoked();
    world.issuer.distortProbes((answer) => (answer === 'dead' ? 'forbidden' : answer));
    await expect(proveDead(world.ports({ timeout: 60 }), ref)).rejects.toThrow(ProbeUntrusted);
  });

  test('is proven dead once', async () => {
    const { world, ref } = await revoked();
    await proveDead(world.ports({ timeout: 900 }), ref);
    const { length } = world.issuer.calls;
    await expect(proveDead(world.ports(), ref)).resolves.toEqual({ next: 'complete' });
    expect(world.issuer.calls).toHaveLength(length);
  });
});

describe('a key whose value is lost', () => {
  async function orphanRevoked() {
    const world = await aWorldWithKey();
    world.issuer.createThenFail();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'proveDead' });
    return { world, ref };
  }

  test('is dead when so many lists lack it, and the next attempt follows', async () => {
    const { world, ref } = await orphanRevoked();
    const answered = await proveDead(world.ports({ timeout: 900 }), ref);
    expect(answered).toEqual({ next: 'issueKey' });
    expect(await proof(world)).toMatchObject({ by: 'list', probes: 2 });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'issuing', condemned: null });
  });

  test('is not dead while it is listed', async () => {
    const { world, ref } = await orphanRevoked();
    const { keyId } = (await world.rotation(ref)).condemned ?? {};
    const ports = world.ports({
      timeout: 60,
      hook: async (call, effect) => (callName(call) === 'issuer.list' ? [{ keyId }] : effect()),
    });
    await expect(proveDead(ports, ref)).rejects.toThrow(NotProvenDead);
  });

  test('is never probed', async () => {
    const { world, ref } = await orphanRevoked();
    const probes = () => world.issuer.calls.filter(({ verb }) => verb === 'probe').length;
    const before = probes();
    await proveDead(world.ports({ timeout: 900 }), ref);
    expect(probes()).toBe(before);
  });
});

test('nothing is proven of a key whose revoke was not accepted', async () => {
  const world = await aWorldWithKey();
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'revokeKey' });
  await expect(proveDead(world.ports(), ref)).resolves.toEqual({ next: 'revokeKey' });
  expect((await world.keys())[0]).toMatchObject({ status: 'superseded', proof: null });
});
