/** What must hold in every world after a rotation, however often its steps died. */
import { expect } from 'vitest';
import { chain } from '../../lib/rotation/audit.ts';
import { stageOf } from '../../lib/rotation/ids.ts';
import { isLive } from '../../lib/rotation/key.ts';
import type { RotationRef } from '../../lib/rotation/ports.ts';
import type { OutgoingEvent } from '../../lib/rotation/rotation.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import type { Hook } from '../support/intercept.ts';
import type { WorkflowRun } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';

/**
 * Looks at the world after every port call: the most live keys there were, and whether a target, or a consumer that
 * has not said goodbye, ever had a dead one.
 */
export interface Watch {
  readonly hook: (inner: Hook) => Hook;
  readonly mostLiveKeys: () => number;
  readonly momentsWithoutKey: () => readonly string[];
}

export function watchOver(world: World): Watch {
  let most = 0;
  const without: string[] = [];
  const look = async (call: string): Promise<void> => {
    most = Math.max(most, world.issuer.liveKeys().length);
    const held = [...world.targets].map(([name, target]) => [`target ${name}`, target.held()] as const);
    const read = (await hasConsumers(world)) ? [['a consumer', await world.currentSecret()] as const] : [];
    for (const [who, secret] of [...read, ...held])
      if (secret && world.issuer.answerTo(secret) !== 'alive') without.push(`${who}, after ${call}`);
  };
  return {
    mostLiveKeys: () => most,
    momentsWithoutKey: () => without,
    hook: (inner) => async (call, effect) => {
      try {
        return await inner(call, effect);
      } finally {
        await look(`${call.port}.${call.method}`);
      }
    },
  };
}

/** Before the first report there may well be some that have not reported yet. */
async function hasConsumers(world: World): Promise<boolean> {
  const presence = await world.usage.presence(world.credentialId);
  return presence.length === 0 || presence.some(({ leftAt }) => leftAt === null);
}

/** One key is alive at the issuer, consumers read it, every target holds it, and the ledger says so. */
export async function expectOneKey(world: World): Promise<void> {
  const { credential, keys } = await world.view();
  const live = keys.filter(isLive);
  expect(live.map(({ status }) => status)).toEqual(['current']);
  expect(world.issuer.liveKeys().map(({ keyId }) => keyId)).toEqual(live.map(({ keyId }) => keyId));
  expect(await world.currentVersion()).toBe(live[0]?.versionId);
  expect(credential).toMatchObject({
    activeRotation: null,
    status: 'active',
    currentVersionId: live[0]?.versionId,
    currentGeneration: live[0]?.generation,
  });
  const secret = await world.currentSecret();
  expect(secret && world.issuer.answerTo(secret)).toBe('alive');
  for (const [name, target] of world.targets)
    expect([name, target.held()?.reveal() === secret?.reveal()]).toEqual([name, true]);
  for (const dead of keys.filter((key) => !isLive(key))) expect(dead.proof).not.toBeNull();
}

/** The credential is retired, and nothing of it is left at the issuer. */
export async function expectNoKey(world: World): Promise<void> {
  const { credential, keys } = await world.view();
  expect(world.issuer.liveKeys()).toEqual([]);
  expect(keys.length).toBeGreaterThan(0);
  for (const { status, proof } of keys) expect([status, proof]).toEqual(['dead', expect.anything()]);
  expect(credential).toMatchObject({
    activeRotation: null,
    status: 'retired',
    dueAt: null,
    currentGeneration: 0,
  });
}

/** Consumers read what they read before, it works, and a key that may be of others was left alone. */
export async function expectNothingRevoked(world: World): Promise<void> {
  const { credential, keys } = await world.view();
  expect(keys.map(({ status }) => status)).toEqual(['current']);
  expect(await world.currentVersion()).toBe(keys[0]?.versionId);
  expect(credential).toMatchObject({ activeRotation: null, status: 'blocked', currentGeneration: 1 });
  expect(world.issuer.calls.map(({ verb }) => verb)).not.toContain('revoke');
  const secret = await world.currentSecret();
  expect(secret && world.issuer.answerTo(secret)).toBe('alive');
}

/** Secrets Manager may drop every version but the current one: keyturn's own stages are taken off. */
export async function expectNoStageLeft(world: World): Promise<void> {
  const { credential } = await world.view();
  const versions = (await world.ports().secrets.versions(world.secretName)) ?? new Map<string, string[]>();
  const kept = [...versions].flatMap(([id, stages]) =>
    stages.filter((stage) => stage.startsWith('keyturn-')).map((stage) => [id, stage]),
  );
  const { currentGeneration, currentVersionId } = credential;
  expect(kept).toEqual(currentGeneration > 0 ? [[currentVersionId, stageOf(currentGeneration)]] : []);
}

/** The trail has no gap, every hash covers the one before, and the credential carries the newest. */
export async function expectSoundAudit(world: World): Promise<void> {
  const trail = await world.ledger.audit(world.credentialId);
  let previous = '';
  for (const [index, { hash, ...record }] of trail.entries()) {
    expect(record.seq).toBe(index + 1);
    expect(hash).toBe(chain(testDigests(), previous, record).hash);
    previous = hash;
  }
  const { credential } = await world.view();
  expect(credential).toMatchObject({ auditSeq: trail.length, auditHash: previous });
}

/** Of all that was sent for this rotation, each number stands for one event, and these are the events. */
export async function expectEvents(
  world: World,
  ref: RotationRef,
  types: readonly OutgoingEvent[],
): Promise<void> {
  const trail = await world.ledger.audit(world.credentialId);
  const sent = world.events.events.filter(({ detail }) => detail['rotationId'] === ref.rotationId);
  const bySeq = Map.groupBy(sent, ({ seq }) => seq);
  for (const [seq, same] of bySeq) {
    expect(new Set(same.map((event) => JSON.stringify(event))).size).toBe(1);
    expect(same[0]?.hash).toBe(trail[seq - 1]?.hash);
  }
  expect([...bySeq.values()].map(([first]) => first?.type)).toEqual(types);
  expect((await world.rotation(ref)).outbox).toEqual([]);
}

/** Nothing that is stored, sent, thrown or handed on holds a secret. */
export function expectNoSecretAnywhere(world: World, runs: readonly WorkflowRun[]): void {
  expectNoSecret(world.ledger.rows(), world.events.events, world.executions.started, world.usage.rows());
  for (const { errors, verdicts } of runs) expectNoSecret(...errors, verdicts);
}
