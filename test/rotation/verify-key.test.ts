import { describe, expect, test } from 'vitest';
import { IssuerUnavailable, KeyRefused, ProbeUntrusted } from '../../lib/rotation/errors.ts';
import type { ProbeAnswer } from '../../lib/rotation/ports.ts';
import type { SecretText } from '../../lib/rotation/secret-text.ts';
import { verifyKey } from '../../lib/rotation/verify-key.ts';
import { secondsBetween } from '../../lib/usage/instant.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type WorldOptions } from '../support/world.ts';

async function aboutToVerify(options: WorldOptions = {}) {
  const world = await aWorld(options);
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'verifyKey' });
  const value = world.issuer.keys().at(-1)?.secret.reveal();
  return {
    world,
    ref,
    /** Answers for the new key only; a random key is answered as ever. */
    answer: (answer: (real: ProbeAnswer) => ProbeAnswer) =>
      world.issuer.distortProbes((real: ProbeAnswer, secret: SecretText) =>
        secret.reveal() === value ? answer(real) : real,
      ),
  };
}

describe('a new key', () => {
  test('is verified when the issuer accepts it in a row over its lag', async () => {
    const { world, ref } = await aboutToVerify({ capabilities: { createLag: 30, probes: 4 } });
    const begun = world.clock.now();
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verified' });
    const [key] = await world.keys();
    expect(secondsBetween(begun, key?.lastProbedAt ?? begun)).toBeGreaterThanOrEqual(60);
  });

  test('may be refused while it is young', async () => {
    const { world, ref } = await aboutToVerify({ capabilities: { createLag: 10 } });
    const answers: ProbeAnswer[] = [];
    world.issuer.distortProbes((answer) => {
      answers.push(answer);
      return answer;
    });
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(answers).toEqual(['dead', 'dead', 'alive', 'alive']);
  });

  test('is refused when the issuer does not accept it within three times its lag', async () => {
    const { world, ref, answer } = await aboutToVerify({ capabilities: { createLag: 10 } });
    answer(() => 'dead');
    const begun = world.clock.now();
    await expect(verifyKey(world.ports({ timeout: 900 }), ref)).rejects.toThrow(KeyRefused);
    expect(secondsBetween(begun, world.clock.now())).toBe(30);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verifying', lease: null });
  });

  test('counts as alive when it may not do what the probe asks for', async () => {
    const { world, ref, answer } = await aboutToVerify();
    answer((real) => (real === 'alive' ? 'forbidden' : real));
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verified' });
  });

  test('starts its row again after one refusal', async () => {
    const { world, ref, answer } = await aboutToVerify({ capabilities: { createLag: 12, probes: 3 } });
    world.clock.advance(60);
    const row: ProbeAnswer[] = ['alive', 'alive', 'dead'];
    answer((real) => row.shift() ?? real);
    const begun = world.clock.now();
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(secondsBetween(begun, world.clock.now())).toBe(30);
  });

  test('is verified at an issuer without lag that wants many probes', async () => {
    const { world, ref } = await aboutToVerify({ capabilities: { createLag: 0, probes: 5 } });
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verified' });
  });

  test('is verified when an issuer without lag takes its time to answer', async () => {
    const { world, ref, answer } = await aboutToVerify({ capabilities: { createLag: 0 } });
    answer((real) => {
      world.clock.advance(0.2);
      return real;
    });
    await verifyKey(world.ports({ timeout: 900 }), ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verified' });
  });

  test('is neither accepted nor refused when nobody knows what the answer means', async () => {
    const { world, ref, answer } = await aboutToVerify();
    answer(() => 'unknown');
    await expect(verifyKey(world.ports({ timeout: 900 }), ref)).rejects.toThrow(IssuerUnavailable);
  });

  test('is refused when the issuer does not list it, since it could not be revoked', async () => {
    const { world, ref } = await aboutToVerify();
    const ports = world.ports({
      timeout: 900,
      hook: async (call, effect) => (callName(call) === 'issuer.list' ? [] : effect()),
    });
    await expect(verifyKey(ports, ref)).rejects.toThrow(KeyRefused);
    await expect(verifyKey(world.ports({ timeout: 900 }), ref)).resolves.toEqual({ next: 'promoteKey' });
  });
});

test('a probe that accepts a random key proves nothing', async () => {
  const { world, ref } = await aboutToVerify();
  world.issuer.distortProbes(() => 'forbidden');
  await expect(verifyKey(world.ports({ timeout: 900 }), ref)).rejects.toThrow(ProbeUntrusted);
  expect(await world.rotation(ref)).toMatchObject({ phase: 'verifying' });
});

test('a key that is verified is not probed again', async () => {
  const { world, ref } = await aboutToVerify();
  await verifyKey(world.ports({ timeout: 900 }), ref);
  const { length } = world.issuer.calls;
  await expect(verifyKey(world.ports(), ref)).resolves.toEqual({ next: 'promoteKey' });
  expect(world.issuer.calls).toHaveLength(length);
});

test('a key that ends before its successor could be in place is refused', async () => {
  const day = 86_400;
  const grace = { min: day, max: 2 * day, quiet: 3600 };
  const declaration = { policy: { rotateEvery: 90 * day, grace } };
  const short = await aboutToVerify({ declaration, lifetime: 3 * day });
  await expect(verifyKey(short.world.ports({ timeout: 900 }), short.ref)).rejects.toThrow(
    /expires at .* sooner than/,
  );
  const long = await aboutToVerify({ declaration, lifetime: 4 * day });
  await expect(verifyKey(long.world.ports({ timeout: 900 }), long.ref)).resolves.toEqual({
    next: 'promoteKey',
  });
});
