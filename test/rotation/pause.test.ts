import { describe, expect, test } from 'vitest';
import { LedgerChanged } from '../../lib/rotation/errors.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import { pause, unpause } from '../../lib/rotation/pause.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { callName } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectOneKey, expectSoundAudit } from './invariants.ts';
import { aWorldWithKey } from './scenarios.ts';

const by = 'arn:aws:iam::123456789012:user/ada';
const credentialId = 'billing-agent';

const paused = (world: World, reason = 'release week') => pause(world.ports(), { credentialId, by, reason });

describe('a pause', () => {
  test('says who wants it, since when and why, in the ledger and in the audit trail', async () => {
    const world = await aWorld();
    const answer = await paused(world);
    const expected = { at: world.clock.now(), by, reason: 'release week' };
    expect(answer).toMatchObject({ changed: true, credential: { pause: expected } });
    expect((await world.view()).credential.pause).toEqual(expected);
    const [, record] = await world.ledger.audit(credentialId);
    expect(record).toMatchObject({
      actor: by,
      what: 'paused',
      before: { pause: null },
      after: { pause: expected },
    });
    await expectSoundAudit(world);
  });

  test('has requests refused, with who has paused it', async () => {
    const world = await aWorld();
    await paused(world);
    await expect(
      startRotation(world.ports(), { credentialId, requestedBy: 'a person' }),
    ).resolves.toMatchObject({
      outcome: 'rejected',
      reason: expect.stringContaining(by),
    });
    expect(world.executions.started).toEqual([]);
  });

  test('keeps the date, so that the credential is due again when it is taken back', async () => {
    const world = await aWorld();
    const { dueAt } = (await world.view()).credential;
    await paused(world);
    await unpause(world.ports(), { credentialId, by });
    expect((await world.view()).credential).toMatchObject({ dueAt, pause: null });
  });

  test('stays the first one when somebody else pauses too', async () => {
    const world = await aWorld();
    await paused(world);
    await expect(paused(world, 'holidays')).resolves.toMatchObject({
      changed: false,
      credential: { pause: { reason: 'release week' } },
    });
    expect(await world.ledger.audit(credentialId)).toHaveLength(2);
  });

  test('is written although a rotation changes the same row meanwhile', async () => {
    const world = await aWorld();
    let raced = false;
    const hook = async (
      call: { readonly port: string; readonly method: string },
      go: () => Promise<unknown>,
    ) => {
      if (call.method === 'commit' && !raced) {
        raced = true;
        await pause(world.ports(), { credentialId, by: 'somebody else', reason: 'first' });
      }
      return go();
    };
    await expect(pause(world.ports({ hook }), { credentialId, by, reason: 'second' })).resolves.toMatchObject(
      {
        changed: false,
        credential: { pause: { by: 'somebody else' } },
      },
    );
  });

  test('of a credential that nobody knows is refused, and so is taking it back', async () => {
    const world = await aWorld();
    const request = { credentialId: 'nobodys', by, reason: '' };
    await expect(pause(world.ports(), request)).rejects.toThrow('"nobodys" is not registered');
    await expect(unpause(world.ports(), request)).rejects.toThrow('"nobodys" is not registered');
  });
});

test('taking back a pause that is not there changes nothing', async () => {
  const world = await aWorld();
  await expect(unpause(world.ports(), { credentialId, by })).resolves.toMatchObject({ changed: false });
  expect(await world.ledger.audit(credentialId)).toHaveLength(1);
});

describe('a pause while a step is at work', () => {
  /** Ports under which somebody pauses as soon as the call of this name has come through. */
  const pausedAfter = (world: World, name: string) =>
    world.ports({
      timeout: 60,
      hook: async (call, effect) => {
        const result = await effect();
        if (callName(call) === name) await paused(world);
        return result;
      },
    });

  test('at the issuer loses no key: what it has made is written down after the pause', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'issueKey' });
    await expect(issueKey(pausedAfter(world, 'issuer.create'), ref)).resolves.toEqual({ keyId: 'key-2' });
    const whats = (await world.ledger.audit(credentialId)).map(({ what }) => what);
    expect(whats.slice(-4)).toEqual(['attemptTaken', 'paused', 'keyMinted', 'keyStored']);
    expect(world.issuer.keys()).toHaveLength(2);
    await expectSoundAudit(world);
  });

  test('that changes the credential too lets the step run again: AWSCURRENT moves once', async () => {
    const world = await aWorldWithKey();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref, { until: 'promoteKey' });
    await expect(promoteKey(pausedAfter(world, 'secrets.moveCurrent'), ref)).rejects.toThrow(LedgerChanged);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'promoting', lease: null });
    const moves: string[] = [];
    const ports = world.ports({
      hook: async (call, effect) => {
        if (callName(call) === 'secrets.moveCurrent') moves.push(call.method);
        return effect();
      },
    });
    await expect(promoteKey(ports, ref)).resolves.toMatchObject({ next: 'grace' });
    expect(moves).toEqual([]);
    expect((await world.view()).credential).toMatchObject({ currentGeneration: 2, pause: { by } });
    await runWorkflow(world, ref);
    await expectOneKey(world);
  });
});
