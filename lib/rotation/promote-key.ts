/** Promote key: the commit point. From here consumers can read the new key, and nothing is abandoned any more. */
import { type Instant, plus } from '../usage/instant.ts';
import { changedOutside, checkCurrent, currentVersion, expectedCurrent } from './current-version.ts';
import { targetsBehind } from './deploy-key.ts';
import { mayChangeAt } from './due.ts';
import { CredentialRemoved } from './errors.ts';
import type { Ports, RotationRef } from './ports.ts';
import { isProbeOld } from './prove-alive.ts';
import { expectedWithin } from './record-change.ts';
import { graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey, oldKey } from './turn-state.ts';

type PromotePorts = TurnPorts & Pick<Ports, 'secrets'>;

/** Where the workflow goes: back to Verify key, to sleep until a window opens, to the targets, or straight into the grace. */
export type PromoteStep =
  | { readonly next: NextStep }
  | { readonly next: 'wait' | 'grace'; readonly lookAt: Instant }
  | { readonly next: 'deployKey'; readonly lookAt: Instant; readonly targets: readonly string[] };

/**
 * 1. Before the commit point: waits for a window of the policy to open, has a key that was verified long ago verified
 *    again, and sees that AWSCURRENT is where keyturn left it; then writes phase `promoting`, after which `advance` knows no abandon.
 * 2. Looks where AWSCURRENT is: on the new version → nothing to do; on the one that the ledger calls current →
 *    moves it in one call; anywhere else → somebody changed the secret.
 * 3. Writes `grace` with its deadline, the new current key and generation.
 *
 * Run again after a death it looks before it moves, so AWSCURRENT moves once.
 *
 * @returns with `lookAt`: when to look at the drain first, or when the window opens.
 * @throws SecretChangedOutside, CredentialRemoved; nothing has been moved then.
 */
export async function promoteKey(ports: PromotePorts, ref: RotationRef): Promise<PromoteStep> {
  return takeTurn(ports, 'promoteKey', ref, async (turn) => {
    if (turn.rotation.phase === 'verified') {
      checkStillDeclared(turn);
      const opens = mayChangeAt(turn.credential, ports.clock.now());
      if (opens > ports.clock.now()) {
        await ports.ledger.note(ref, { expectedBy: plus(opens, expectedWithin(turn.credential)) });
        return { next: 'wait', lookAt: opens };
      }
      if (isProbeOld(ports, newKey(turn))) return { next: 'verifyKey' };
      await checkCurrent(ports, turn);
      await turn.record({ name: 'promotionBegun' });
    }
    if (turn.rotation.phase === 'promoting') await promote(ports, turn);
    // An adopted key is promoted already.
    if (turn.rotation.phase === 'completing') return { next: nextStep(turn.rotation) };
    const lookAt = firstLook(ports, turn);
    const targets = targetsBehind(turn);
    return targets.length > 0 ? { next: 'deployKey', lookAt, targets } : { next: 'grace', lookAt };
  });
}

function checkStillDeclared({ credential: { id, removedAt } }: Turn): void {
  if (!removedAt) return;
  throw new CredentialRemoved(
    `credential "${id}" is no longer declared since ${removedAt}: its new key is not used`,
  );
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
  const expected = expectedCurrent(ports, turn);
  const current = await currentVersion(ports, name);
  if (current === to) return;
  if (!current || !expected.includes(current)) throw changedOutside(name, expected, current);
  await ports.secrets.moveCurrent(name, { from: current, to });
}

/** A first key has nothing to wait for; else nothing can be drained before the minimum grace is over. */
function firstLook(ports: PromotePorts, turn: Turn): Instant {
  const facts = graceFacts(turn.rotation);
  if (!facts || !oldKey(turn)) return ports.clock.now();
  return plus(facts.promotedAt, turn.credential.declaration.policy.grace.min);
}
