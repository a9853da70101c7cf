/** Promote key: the commit point. From here consumers can read the new key, and nothing is abandoned any more. */
import { type Instant, plus } from '../usage/instant.ts';
import { changedOutside, checkCurrent, currentVersion, expectedCurrent } from './current-version.ts';
import type { Ports, RotationRef } from './ports.ts';
import { graceFacts } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, oldKey } from './turn-state.ts';

type PromotePorts = TurnPorts & Pick<Ports, 'secrets'>;

/**
 * 1. Sees that AWSCURRENT is where keyturn left it; then writes phase `promoting`, after which `advance` knows no
 *    abandon.
 * 2. Looks where AWSCURRENT is: on the new version → nothing to do; on the one that the ledger calls current →
 *    moves it in one call; anywhere else → somebody changed the secret.
 * 3. Writes `grace` with its deadline, the new current key and generation.
 *
 * Run again after a death it looks before it moves, so AWSCURRENT moves once.
 *
 * @returns when to look at the drain first.
 * @throws SecretChangedOutside; nothing has been moved then.
 */
export async function promoteKey(
  ports: PromotePorts,
  ref: RotationRef,
): Promise<{ readonly lookAt: Instant }> {
  return takeTurn(ports, 'promoteKey', ref, async (turn) => {
    if (turn.rotation.phase === 'verified') {
      await checkCurrent(ports, turn);
      await turn.record({ name: 'promotionBegun' });
    }
    if (turn.rotation.phase === 'promoting') await promote(ports, turn);
    return { lookAt: firstLook(ports, turn) };
  });
}

async function promote(ports: PromotePorts, turn: Turn): Promise<void> {
  await moveCurrent(ports, turn);
  const { credential, rotation } = turn;
  const key = newKey(turn);
  const old = oldKey(turn);
  const at = ports.clock.now();
  const { grace } = credential.declaration.policy;
  await turn.record(
    { name: 'keyPromoted', at, graceMax: grace.max },
    {
      credential: {
        currentGeneration: rotation.generation,
        currentVersionId: key.versionId,
        lastPromotedAt: at,
      },
      keys: [{ ...key, status: 'current' }, ...(old ? [{ ...old, status: 'superseded' as const }] : [])],
      announce: {
        type: 'Key Promoted',
        detail: { secret: credential.declaration.secret.name, versionId: key.versionId, keyId: key.keyId },
      },
      sleeps: old ? grace.min : 0,
    },
  );
}

async function moveCurrent(ports: PromotePorts, turn: Turn): Promise<void> {
  const { name } = turn.credential.declaration.secret;
  const to = newKey(turn).versionId;
  const from = expectedCurrent(ports, turn);
  const current = await currentVersion(ports, name);
  if (current === to) return;
  if (current !== from) throw changedOutside(name, from, current);
  await ports.secrets.moveCurrent(name, { from, to });
}

/** A first key has nothing to wait for; else nothing can be drained before the minimum grace is over. */
function firstLook(ports: PromotePorts, turn: Turn): Instant {
  const facts = graceFacts(turn.rotation);
  if (!facts || !oldKey(turn)) return ports.clock.now();
  return plus(facts.promotedAt, turn.credential.declaration.policy.grace.min);
}
