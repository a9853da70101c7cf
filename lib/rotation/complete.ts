/** Complete: looks once more for stray keys, then closes the rotation and gives the credential back. */
import { type Instant, latest } from '../usage/instant.ts';
import type { Credential } from './credential.ts';
import { dueAfter, dueAfterAdoption, latestStartOf } from './due.ts';
import { stageOf } from './ids.ts';
import type { Key } from './key.ts';
import { condemnOrphan, findLostKeys, orphanFound } from './lost-keys.ts';
import type { Ports, RotationRef } from './ports.ts';
import { graceFacts } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, stayingKey } from './turn-state.ts';

type CompletePorts = TurnPorts & Pick<Ports, 'issuers' | 'issuerLocks' | 'secrets' | 'metrics'>;

/**
 * 1. Lists the issuer's keys: a create that landed after its step had died is condemned and goes to Revoke key.
 * 2. Takes keyturn's stage off the dead key's version, so that Secrets Manager may drop it; puts one on an adopted
 *    key's, so that it may not.
 * 3. Writes `completed`, releases the lock and sets the next due date; after a retirement there is none.
 *
 * Run twice, it finds the rotation completed and only sends what was not sent.
 *
 * @throws OrphanFound when a stray key was condemned.
 */
export async function complete(ports: CompletePorts, ref: RotationRef): Promise<{ readonly status: string }> {
  return takeTurn(ports, 'complete', ref, async (turn) => {
    if (turn.rotation.condemned) throw orphanFound(turn.rotation);
    if (turn.rotation.phase === 'completing') await close(ports, turn);
    return { status: turn.rotation.phase };
  });
}

async function close(ports: CompletePorts, turn: Turn): Promise<void> {
  const { credential } = turn;
  const { issuer: issuerName, secret } = credential.declaration;
  const { ours, unknown } = await findLostKeys(ports, turn, await ports.issuers.connect(issuerName));
  if (ours) {
    await condemnOrphan(ports, turn, ours);
    throw orphanFound(turn.rotation);
  }
  if (turn.rotation.kind === 'adopt') {
    const { versionId, generation } = newKey(turn);
    await ports.secrets.addStage(secret.name, versionId, stageOf(generation));
  }
  const dead = keyThatLeft(turn);
  if (dead) await ports.secrets.dropStage(secret.name, dead.versionId, stageOf(dead.generation));
  const now = ports.clock.now();
  await turn.record(
    { name: 'completed', at: now },
    {
      credential: { activeRotation: null, failures: 0, ...onward(turn, now) },
      announce: {
        type: 'Rotation Completed',
        detail: { ...outcome(turn), unknownKeyIds: unknown.map(({ keyId }) => keyId) },
      },
    },
  );
  ports.metrics.count('RotationCompleted');
}

/** What becomes of the credential now that the rotation is over. */
function onward(turn: Turn, now: Instant): Pick<Credential, 'status' | 'dueAt'> & Partial<Credential> {
  const { rotation, credential } = turn;
  const { policy } = credential.declaration;
  if (rotation.kind === 'retire') {
    // Without a key it begins anew if it is ever declared again; which may have happened meanwhile.
    return {
      currentGeneration: 0,
      mustChangeBy: null,
      ...(credential.removedAt ? retired : { status: 'new', dueAt: now }),
    };
  }
  if (credential.removedAt) return { status: 'retiring', dueAt: now };
  const key = stayingKey(turn);
  const dueAt = rotation.kind === 'adopt' ? dueAfterAdoption(policy, key, now) : dueAfter(policy, key, now);
  return { status: 'active', dueAt: latest(now, dueAt), mustChangeBy: latestStartOf(policy, key) };
}

const retired = { status: 'retired', dueAt: null } as const;

function outcome(turn: Turn): Readonly<Record<string, unknown>> {
  const facts = graceFacts(turn.rotation);
  const left = keyThatLeft(turn);
  return {
    kind: turn.rotation.kind,
    promotedAt: facts?.promotedAt,
    drainedAt: facts?.drainedAt,
    checks: facts?.checks,
    ...(facts?.leaving === 'new' && { rolledBack: true }),
    ...(facts?.decision && { decision: facts.decision }),
    oldKeyId: left?.keyId,
    proof: left?.proof,
  };
}

/** The key that this rotation was to end; orphans of an old one's generation died in the rotation that made them. */
function keyThatLeft({ keys, rotation }: Turn): Key | undefined {
  const { generation, attempt, oldGeneration, startedAt } = rotation;
  if (graceFacts(rotation)?.leaving === 'new')
    return keys.find(
      (key) => key.generation === generation && key.attempt === attempt && key.status === 'dead',
    );
  return keys.find(
    (key) => key.generation === oldGeneration && key.status === 'dead' && (key.revokedAt ?? '') >= startedAt,
  );
}
