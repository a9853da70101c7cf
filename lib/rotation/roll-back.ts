/** Roll back: a rotation in reverse. Consumers get the old key again, and the new one is to leave. */
import { plus, type Seconds } from '../usage/instant.ts';
import { changedOutside, currentVersion } from './current-version.ts';
import { targetsBehind } from './deploy-key.ts';
import {
  ImpossibleTransition,
  IssuerRejected,
  IssuerUnavailable,
  KeyRefused,
  ProbeUntrusted,
} from './errors.ts';
import type { Key } from './key.ts';
import type { Ports, RotationRef } from './ports.ts';
import type { PromoteStep } from './promote-key.ts';
import { proveAlive } from './prove-alive.ts';
import { graceFacts } from './rotation.ts';
import { readSecret } from './secret-format.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, oldKey } from './turn-state.ts';

type RollBackPorts = TurnPorts & Pick<Ports, 'issuers' | 'secrets'>;

/**
 * 1. Sees that the issuer accepts the old key, and will for as long as the grace may last. If not, or if that cannot be
 *    told for an hour, the roll back is refused, and the owner is asked again.
 * 2. Moves AWSCURRENT from the new key to the old one.
 * 3. Writes a grace of its own, in which the new key leaves: nobody who moved is cut off.
 *
 * Run again after a death it looks before it moves, so AWSCURRENT moves once.
 *
 * @throws SecretChangedOutside; ProbeUntrusted, IssuerUnavailable: nothing has been moved then.
 */
export async function rollBack(ports: RollBackPorts, ref: RotationRef): Promise<PromoteStep> {
  return takeTurn(ports, 'rollBack', ref, async (turn) => {
    if (turn.rotation.phase === 'rolling-back') await decideWhether(ports, turn);
    return onward(ports, turn);
  });
}

async function decideWhether(ports: RollBackPorts, turn: Turn): Promise<void> {
  const old = oldKey(turn);
  if (!old) throw new ImpossibleTransition(`rotation ${turn.rotation.rotationId} has no key to go back to`);
  const why = await whyRefused(ports, turn, old);
  await (why === undefined ? goBack(ports, turn, old) : refuse(ports, turn, old, why));
}

/** As after a promotion. What comes next looks for itself whether it is its turn. */
function onward({ clock }: RollBackPorts, turn: Turn): PromoteStep {
  const facts = graceFacts(turn.rotation);
  if (turn.rotation.phase !== 'grace' || facts?.leaving !== 'new')
    return { next: 'grace', lookAt: clock.now() };
  const lookAt = plus(facts.promotedAt, turn.credential.declaration.policy.grace.min);
  const targets = targetsBehind(turn);
  return targets.length > 0 ? { next: 'deployKey', lookAt, targets } : { next: 'grace', lookAt };
}

/** In words; undefined when consumers can live with the old key again. */
async function whyRefused(ports: RollBackPorts, turn: Turn, old: Key): Promise<string | undefined> {
  const { secret, policy } = turn.credential.declaration;
  if (old.expiresAt && old.expiresAt <= plus(ports.clock.now(), policy.grace.max))
    return `key ${old.keyId} expires at ${old.expiresAt}, sooner than the grace may last`;
  const value = readSecret(secret, await ports.secrets.read(secret.name, old.versionId));
  try {
    await proveAlive(ports, await ports.issuers.connect(old.issuer), old, value);
    return undefined;
  } catch (error) {
    if (error instanceof KeyRefused || (isUntold(error) && isOverdue(ports, turn))) return error.message;
    throw error;
  }
}

/** How long the issuer may leave open whether the old key works, until the owner hears of it. */
const untoldFor: Seconds = 3600;

const isUntold = (error: unknown): error is Error =>
  error instanceof IssuerUnavailable || error instanceof IssuerRejected || error instanceof ProbeUntrusted;

function isOverdue({ clock }: RollBackPorts, { rotation }: Turn): boolean {
  const decidedAt = graceFacts(rotation)?.decision?.at;
  return decidedAt !== undefined && plus(decidedAt, untoldFor) <= clock.now();
}

async function refuse(ports: RollBackPorts, turn: Turn, old: Key, why: string): Promise<void> {
  // An earlier run may have moved it, when the old key was still good.
  await moveCurrent(ports, turn, { from: old, to: newKey(turn) });
  const { owner } = turn.credential.declaration;
  const question = (graceFacts(turn.rotation)?.questions ?? 0) + 1;
  const at = ports.clock.now();
  const reason = `the roll back was refused: ${why}`;
  await turn.record(
    { name: 'rollBackRefused', at, reason },
    {
      // Else our own probes would look like somebody's use.
      keys: [{ ...old, lastProbedAt: at }],
      announce: { type: 'Decision Needed', detail: { question, reason, heldBy: [], owner } },
    },
  );
}

async function goBack(ports: RollBackPorts, turn: Turn, old: Key): Promise<void> {
  await moveCurrent(ports, turn, { from: newKey(turn), to: old });
  const { secret, policy } = turn.credential.declaration;
  const at = ports.clock.now();
  await turn.record(
    { name: 'rolledBack', at, graceMax: policy.grace.max },
    {
      credential: {
        currentGeneration: old.generation,
        currentVersionId: old.versionId,
        lastPromotedAt: at,
      },
      keys: [
        { ...old, status: 'current', lastProbedAt: at },
        { ...newKey(turn), status: 'superseded' },
      ],
      announce: {
        type: 'Key Promoted',
        detail: {
          secret: secret.name,
          generation: old.generation,
          versionId: old.versionId,
          keyId: old.keyId,
          rolledBack: true,
        },
      },
      sleeps: policy.grace.min,
    },
  );
}

async function moveCurrent(
  { secrets }: RollBackPorts,
  { credential }: Turn,
  { from, to }: { readonly from: Key; readonly to: Key },
): Promise<void> {
  const { name } = credential.declaration.secret;
  const current = await currentVersion({ secrets }, name);
  if (current === to.versionId) return;
  if (current !== from.versionId) throw changedOutside(name, [from.versionId, to.versionId], current);
  await secrets.moveCurrent(name, { from: from.versionId, to: to.versionId });
}
