/** Revoke key: asks the issuer to end the condemned key, whoever condemned it. */
import { usersSince } from '../usage/breakage.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import { recordBreakage } from './check-breakage.ts';
import type { Ports, RotationRef } from './ports.ts';
import { isProofOld, trialSince } from './proof-age.ts';
import { type Condemned, graceFacts, isUnasked, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { condemnedKey } from './turn-state.ts';

type RevokePorts = TurnPorts & Pick<Ports, 'issuers' | 'usage' | 'metrics'>;

/**
 * Revokes exactly the key that stands as `condemned` in the ledger: the drained old one, an orphan, or the new one
 * of an abandoned rotation. An accepted revoke is no proof; Prove dead comes next.
 *
 * A key that was to leave is spared when the reason to revoke it has passed before the issuer was asked: its credential
 * is declared again, or somebody has missed it since its trial was over. A proof that nobody uses it is made anew when
 * it has grown old, though the issuer may have been asked and have given no answer: asking again does no harm.
 *
 * Run again after a death it revokes the same key again, which issuers answer without harm.
 *
 * @returns what the rotation needs next; Prove dead, which comes next in any case, passes on what is not its own. So does
 * this step: Check breakage comes before it whatever has been found.
 * @throws IssuerRejected, IssuerUnavailable: the workflow asks again for 30 days.
 */
export async function revokeKey(ports: RevokePorts, ref: RotationRef): Promise<{ readonly next: NextStep }> {
  return takeTurn(ports, 'revokeKey', ref, async (turn) => {
    const { condemned } = turn.rotation;
    if (condemned && !condemned.revokedAt) {
      const leaves = condemned.why === 'old' || condemned.why === 'new';
      const isSpared = leaves && (await wasSpared(ports, turn));
      if (!isSpared) await revoke(ports, ref, turn, condemned);
    }
    return { next: nextStep(turn.rotation) };
  });
}

/** Once the issuer was asked, the key may be dead, and nobody may be told that it lives on. */
async function wasSpared(ports: RevokePorts, turn: Turn): Promise<boolean> {
  const { rotation } = turn;
  if (isUnasked(rotation) && isDeclaredAgain(turn)) {
    await spare(ports, turn);
    return true;
  }
  const { disabledAt, decision } = graceFacts(rotation) ?? {};
  // Whoever has it revoked knows who misses it.
  const isOwners = decision?.choice === 'revoke' && decision.by !== 'policy';
  if (disabledAt) return !isOwners && isUnasked(rotation) && wasMissed(ports, turn);
  if (!isProofOld(ports, rotation) || (rotation.kind === 'retire' && !isUnasked(rotation))) return false;
  await turn.record({ name: 'proofAged' });
  return true;
}

/** Nobody can take up the use of a disabled key, but somebody may have asked for it since the trial was over. */
async function wasMissed(ports: RevokePorts, turn: Turn): Promise<boolean> {
  const key = condemnedKey(turn);
  const presence = await ports.usage.presence(turn.credential.id);
  const users = key ? usersSince({ presence, leaving: key, since: trialSince(turn.rotation) }) : [];
  if (users.length === 0) return false;
  await recordBreakage(
    ports,
    turn,
    users.map(({ name }) => name),
  );
  return true;
}

async function revoke(ports: RevokePorts, ref: RotationRef, turn: Turn, condemned: Condemned): Promise<void> {
  const key = condemnedKey(turn);
  if (!key) return;
  const issuer = await ports.issuers.connect(key.issuer);
  const { askedAt = ports.clock.now() } = condemned;
  await ports.ledger.note(ref, { condemned: { ...condemned, askedAt } });
  await issuer.revoke(key.keyId);
  const at = ports.clock.now();
  await turn.record({ name: 'revokeAccepted', at }, { keys: [{ ...key, status: 'revoked', revokedAt: at }] });
}
