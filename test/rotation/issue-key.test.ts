import { describe, expect, test } from 'vitest';
import {
  AttemptsExhausted,
  IssuerUnavailable,
  OrphanFound,
  SecretChangedOutside,
  StepBusy,
  UnknownKeyFound,
} from '../../lib/rotation/errors.ts';
import { labelOf, stageOf, versionIdOf } from '../../lib/rotation/ids.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import { maxAttempts } from '../../lib/rotation/lost-keys.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus, secondsBetween } from '../../lib/usage/instant.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { aDeclaration } from '../support/builders.ts';
import { callName, type Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World, type WorldOptions } from '../support/world.ts';
import { aWorldWithKey } from './scenarios.ts';

/** A world with a key in use whose next rotation is about to issue. */
async function aboutToIssue(options: WorldOptions = {}) {
  const world = await aWorldWithKey(options);
  const ref = await world.nextRotation();
  await runWorkflow(world, ref, { until: 'issueKey' });
  const countCreates = (): number => world.issuer.calls.filter(({ verb }) => verb === 'create').length;
  const created = countCreates();
  return { world, ref, creates: () => countCreates() - created };
}

/** The named call fails, once or always, before or after it has had its effect. */
function failing(name: string, { afterEffect = false } = {}): Hook {
  return async (call, effect) => {
    if (callName(call) !== name) return effect();
    if (afterEffect) await effect();
    throw new Error(`${name} failed`);
  };
}

const newKeys = async (world: World) => (await world.keys()).filter(({ generation }) => generation === 2);

describe('a new key', () => {
  test('is stored under its own version before any consumer can read it', async () => {
    const { world, ref } = await aboutToIssue();
    const before = await world.currentVersion();
    await issueKey(world.ports(), ref);
    const versionId = versionIdOf(testDigests(), ref.rotationId, 1);
    const versions = await world.ports().secrets.versions(world.secretName);
    expect(versions?.get(versionId)).toEqual([stageOf(2)]);
    expect(await world.currentVersion()).toBe(before);
    expect(await newKeys(world)).toMatchObject([{ attempt: 1, status: 'stored', versionId }]);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'verifying', lease: null });
  });

  test('carries its rotation and attempt as its label', async () => {
    const { world, ref } = await aboutToIssue();
    const { keyId } = await issueKey(world.ports(), ref);
    expect(world.issuer.keys().at(-1)).toMatchObject({ keyId, label: labelOf(ref.rotationId, 1) });
  });

  test('is asked to end after the time that its policy gives it', async () => {
    const { policy } = aDeclaration();
    const { world, ref } = await aboutToIssue({ declaration: { policy: { ...policy, keyTtl: 10_368_000 } } });
    const end = plus(world.clock.now(), 10_368_000);
    await issueKey(world.ports(), ref);
    expect(world.issuer.keys().at(-1)?.expiresAt).toBe(end);
    expect(await newKeys(world)).toMatchObject([{ expiresAt: end }]);
  });

  test('lives as long as the issuer likes when its policy says nothing', async () => {
    const { world, ref } = await aboutToIssue({ capabilities: { expiry: false } });
    await issueKey(world.ports(), ref);
    expect(world.issuer.keys().at(-1)?.expiresAt).toBeNull();
    expect(await newKeys(world)).toMatchObject([{ expiresAt: null }]);
  });

  test('is known to the ledger by the SHA-256 of its value', async () => {
    const { world, ref } = await aboutToIssue();
    await issueKey(world.ports(), ref);
    const value = world.issuer.keys().at(-1)?.secret.reveal() ?? '';
    expect((await newKeys(world))[0]?.fingerprint).toBe(testDigests().sha256(value));
  });

  test('is not made when the secret store refuses to prepare the secret', async () => {
    const world = await aWorld();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    await expect(issueKey(world.ports({ hook: failing('secrets.create') }), ref)).rejects.toThrow(
      'secrets.create failed',
    );
    expect(world.issuer.keys()).toEqual([]);
    expect(await world.keys()).toEqual([]);
  });
});

describe('a key whose answer was lost', () => {
  test('is found by its label and condemned', async () => {
    const { world, ref } = await aboutToIssue();
    world.issuer.createThenFail();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    const { keyId } = world.issuer.keys().at(-1) ?? {};
    expect((await world.rotation(ref)).condemned).toMatchObject({ keyId, why: 'orphan', revokedAt: null });
    expect(await newKeys(world)).toMatchObject([{ keyId, status: 'orphaned', fingerprint: null }]);
  });

  test('is found without a label when nobody else makes keys there', async () => {
    const { world, ref } = await aboutToIssue({ capabilities: { named: false, exclusive: true } });
    world.issuer.createThenFail();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect((await world.rotation(ref)).condemned?.keyId).toBe(world.issuer.keys().at(-1)?.keyId);
  });

  test('is looked for only once the issuer has had the time to list it, in every attempt', async () => {
    const { world, ref } = await aboutToIssue({ capabilities: { createLag: 5 } });
    world.issuer.failNext('create');
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    world.issuer.createThenFail();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    const asked = world.clock.now();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect(secondsBetween(asked, world.clock.now())).toBeGreaterThanOrEqual(5 + 15);
  });

  test('is looked for by a later invocation when this one ends before the issuer lists it', async () => {
    const { world, ref, creates } = await aboutToIssue({ capabilities: { createLag: 60 } });
    world.issuer.createThenFail();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(StepBusy);
    world.clock.advance(60);
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect(creates()).toBe(1);
  });

  test('is condemned by its id when the ledger knew it and the store never got the value', async () => {
    const { world, ref, creates } = await aboutToIssue();
    await expect(issueKey(world.ports({ hook: failing('secrets.put') }), ref)).rejects.toThrow();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect(creates()).toBe(1);
    expect(await newKeys(world)).toMatchObject([{ attempt: 1, status: 'orphaned' }]);
  });

  test('is not lost when the store has the value after all', async () => {
    const { world, ref, creates } = await aboutToIssue();
    const hook = failing('secrets.put', { afterEffect: true });
    await expect(issueKey(world.ports({ hook }), ref)).rejects.toThrow();
    await issueKey(world.ports(), ref);
    expect(creates()).toBe(1);
    expect(await newKeys(world)).toMatchObject([{ attempt: 1, status: 'stored' }]);
  });

  test('stays condemned, however often the step runs, until it is dead; the next attempt has a new version', async () => {
    const { world, ref, creates } = await aboutToIssue();
    world.issuer.createThenFail();
    await runWorkflow(world, ref, { until: 'revokeKey' });
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(OrphanFound);
    expect(creates()).toBe(1);
    await runWorkflow(world, ref, { until: 'verifyKey' });
    expect(await newKeys(world)).toMatchObject([
      { attempt: 1, status: 'dead', proof: { by: 'list' } },
      { attempt: 2, status: 'stored', versionId: versionIdOf(testDigests(), ref.rotationId, 2) },
    ]);
  });
});

describe('a key that nobody can place', () => {
  const unplaceable = { capabilities: { named: false, exclusive: false } };

  test('ends the rotation blocked, tells a person and revokes nothing', async () => {
    const { world, ref } = await aboutToIssue(unplaceable);
    world.issuer.failNext('create');
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    const foreign = world.issuer.addForeignKey();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(UnknownKeyFound);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'blocked', condemned: null });
    expect((await world.view()).credential).toMatchObject({ status: 'blocked', activeRotation: null });
    expect(world.issuer.calls.some(({ verb, keyId }) => verb === 'revoke' && keyId === foreign.keyId)).toBe(
      false,
    );
  });

  test('is announced by the run that finds it, once, and found again by the next', async () => {
    const { world, ref } = await aboutToIssue(unplaceable);
    world.issuer.failNext('create');
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    const { keyId } = world.issuer.addForeignKey();
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(UnknownKeyFound);
    expect(world.events.events.at(-1)).toMatchObject({ type: 'Unknown Key Found' });
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(UnknownKeyFound);
    expect(world.events.events.filter(({ type }) => type === 'Unknown Key Found')).toMatchObject([
      { detail: { issuer: 'openai', keyIds: [keyId] } },
    ]);
  });

  test('does not block when it was there before the rotation asked', async () => {
    const world = await aWorldWithKey(unplaceable);
    world.issuer.addForeignKey();
    world.clock.advance(60);
    const ref = await world.nextRotation();
    expect(await runWorkflow(world, ref)).toMatchObject({ outcome: 'ended' });
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
  });
});

describe('attempts', () => {
  test('run out, and then the rotation is abandoned', async () => {
    const { world, ref, creates } = await aboutToIssue();
    world.issuer.failNext('create', undefined, maxAttempts + 1);
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
    }
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(AttemptsExhausted);
    expect(creates()).toBe(maxAttempts);
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({
      phase: 'abandoned',
      reason: expect.stringContaining('AttemptsExhausted'),
    });
  });

  test('are one at a time where keys have no labels', async () => {
    const { world, ref, creates } = await aboutToIssue({ capabilities: { named: false } });
    const now = world.clock.now();
    const lease = { requestId: 'somebody else', until: plus(now, 30) };
    await world.ports().issuerLocks.take('openai', lease, now);
    await expect(issueKey(world.ports(), ref)).rejects.toThrow(StepBusy);
    expect(creates()).toBe(0);
    world.clock.advance(31);
    await issueKey(world.ports(), ref);
    expect(creates()).toBe(1);
  });
});

test.each([
  ['a key was made', async () => {}],
  ['the issuer did not answer', async (world: World) => world.issuer.failNext('create')],
])('the lock of an issuer without labels is given back when %s', async (_what, prepare) => {
  const { world, ref } = await aboutToIssue({ capabilities: { named: false } });
  await prepare(world);
  await Promise.allSettled([issueKey(world.ports(), ref)]);
  const now = world.clock.now();
  const lease = { requestId: 'somebody else', until: plus(now, 30) };
  await expect(world.ports().issuerLocks.take('openai', lease, now)).resolves.toBeUndefined();
});

test('a key that consumers read is no orphan, though the ledger, from an old backup, does not know it', async () => {
  const { world, ref } = await aboutToIssue();
  world.issuer.createThenFail();
  await expect(issueKey(world.ports(), ref)).rejects.toThrow(IssuerUnavailable);
  // What the lost part of the ledger knew: the key was stored and promoted.
  const made = world.issuer.keys().at(-1);
  const versionId = versionIdOf(testDigests(), ref.rotationId, 1);
  const value = new SecretText(JSON.stringify({ apiKey: made?.secret.reveal(), keyId: made?.keyId }));
  await world.secrets.put(world.secretName, versionId, value, stageOf(2));
  const from = (await world.currentVersion()) ?? '';
  await world.secrets.moveCurrent(world.secretName, { from, to: versionId });
  world.clock.advance(60);
  await expect(issueKey(world.ports(), ref)).rejects.toThrow(SecretChangedOutside);
  expect(await world.rotation(ref)).toMatchObject({ condemned: null });
  expect(world.issuer.liveKeys()).toHaveLength(2);
});
