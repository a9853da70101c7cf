/** Abandon: before the commit point any failure ends here; the new key dies and consumers never knew of it. */
import type { Instant } from '../usage/instant.ts';
import type { Credential } from './credential.ts';
import { dueAfterFailure, failuresUntilFailing } from './due.ts';
import { InvalidInput, PastCommitPoint } from './errors.ts';
import { stageOf } from './ids.ts';
import { isLive, type Key } from './key.ts';
import { block, condemn, condemnOrphan, findLostKeys, hasOpenIntent } from './lost-keys.ts';
import type { Ports, RotationRef } from './ports.ts';
import { abandonable, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';

type AbandonPorts = TurnPorts & Pick<Ports, 'issuers' | 'issuerLocks' | 'secrets' | 'metrics'>;

/** What the workflow caught, as Step Functions hands it over. */
export interface Failure {
  readonly Error: string;
  readonly Cause?: string | undefined;
}

/**
 * 1. Writes `abandoning` with the reason.
 * 2. Condemns the rotation's live keys one by one: Revoke key and Prove dead lead back here.
 * 3. Lists once more for late arrivals, then writes `abandoned` and releases the lock. The generation is used up, and
 *    the next try is later the more of them have failed; after five in a row the credential is `failing`.
 *    If what was asked for last may be among keys that nobody can place, the rotation ends `blocked` instead.
 *
 * Run twice, each part finds what the first run has written.
 *
 * @throws PastCommitPoint from the commit point on; InvalidInput when Begin has failed before it took the lock: there
 * is nothing to abandon, and somebody must hear of it.
 */
export async function abandon(
  ports: AbandonPorts,
  input: RotationRef & { readonly failure?: Failure | undefined },
): Promise<{ readonly next: NextStep }> {
  await checkBegun(ports, input);
  return takeTurn(ports, 'abandon', input, async (turn) => {
    if (nextStep(turn.rotation) === 'end') return { next: 'end' };
    if (turn.rotation.phase !== 'abandoning') await beginAbandon(turn, reasonOf(input.failure));
    if (!turn.rotation.condemned) await condemnOrClose(ports, turn);
    return { next: nextStep(turn.rotation) };
  });
}

async function checkBegun(
  { ledger }: AbandonPorts,
  { credentialId, rotationId, failure }: RotationRef & { readonly failure?: Failure | undefined },
): Promise<void> {
  if ((await ledger.load(credentialId, rotationId))?.rotation) return;
  throw new InvalidInput(
    `rotation ${rotationId} of ${credentialId} could not begin: ${reasonOf(failure)}. Nothing was changed; the sweep tries again`,
  );
}

async function beginAbandon(turn: Turn, reason: string): Promise<void> {
  const { rotationId, phase } = turn.rotation;
  if (!abandonable.includes(phase)) {
    throw new PastCommitPoint(
      `rotation ${rotationId} is ${phase}, past its commit point, so it is not abandoned; what failed: ${reason}`,
    );
  }
  await turn.record({ name: 'abandonBegun', reason });
}

async function condemnOrClose(ports: AbandonPorts, turn: Turn): Promise<void> {
  const live = turn.keys.find((key) => key.generation === turn.rotation.generation && isLive(key));
  if (live) return condemn(turn, live);
  const issuer = await ports.issuers.connect(turn.credential.declaration.issuer);
  const { ours, unknown } = await findLostKeys(ports, turn, issuer);
  if (ours) return condemnOrphan(ports, turn, ours);
  if (unknown.length > 0 && hasOpenIntent(turn)) return void (await block(ports, turn, unknown));
  await close(ports, turn);
}

async function close(ports: AbandonPorts, turn: Turn): Promise<void> {
  const { credential, rotation, keys } = turn;
  const now = ports.clock.now();
  const after = onward(credential, now);
  for (const key of keys.filter(({ generation }) => generation === rotation.generation))
    await forget(ports, turn, key);
  await turn.record(
    { name: 'abandoned', at: now },
    {
      credential: { activeRotation: null, ...after },
      announce: {
        type: 'Rotation Abandoned',
        detail: {
          reason: rotation.phase === 'abandoning' ? rotation.reason : '',
          failures: after.failures,
          failing: after.status === 'failing',
          triedAgainAt: after.dueAt,
        },
      },
    },
  );
  ports.metrics.count('RotationAbandoned');
  if (after.status === 'failing') ports.metrics.count('CredentialFailing', { credential: credential.id });
}

/** A credential that is no longer declared has not failed: it goes on to its retirement. */
function onward(credential: Credential, now: Instant): Pick<Credential, 'status' | 'dueAt' | 'failures'> {
  if (credential.removedAt) return { status: 'retiring', dueAt: now, failures: credential.failures };
  const failures = credential.failures + 1;
  const unharmed = credential.currentGeneration > 0 ? 'active' : 'new';
  return {
    status: failures >= failuresUntilFailing ? 'failing' : unharmed,
    dueAt: dueAfterFailure(credential, failures, now),
    failures,
  };
}

/** Takes keyturn's stage off a dead key's version, where there is one. */
async function forget(ports: AbandonPorts, { credential }: Turn, key: Key): Promise<void> {
  await ports.secrets.dropStage(credential.declaration.secret.name, key.versionId, stageOf(key.generation));
}

/** Step Functions' Cause is the JSON of what the handler threw; its message is written for people. */
function reasonOf(failure: Failure | undefined): string {
  if (!failure) return 'asked for';
  const message = /"errorMessage":\s*"((?:[^"\\]|\\.)*)"/.exec(failure.Cause ?? '')?.[1];
  return message ? `${failure.Error}: ${message.replaceAll(/\\(["\\/])/g, '$1')}` : failure.Error;
}
