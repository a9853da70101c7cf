import { describe, expect, test } from 'vitest';
import { pause, unpause } from '../../lib/rotation/pause.ts';
import { startRotation } from '../../lib/rotation/start-rotation.ts';
import { aWorld, type World } from '../support/world.ts';
import { expectSoundAudit } from './invariants.ts';

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
