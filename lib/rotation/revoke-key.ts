/** Revoke key: asks the issuer to end the condemned key, whoever condemned it. */
import { plus, type Seconds } from '../usage/instant.ts';
import { isDeclaredAgain, spare } from './cancel-retirement.ts';
import type { Ports, RotationRef } from './ports.ts';
import { graceFacts, type NextStep, nextStep } from './rotation.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { condemnedKey } from './turn-state.ts';

type RevokePorts = TurnPorts & Pick<Ports, 'issuers'>;

/**
 * A proof of drain is good for this long; an issuer that cannot be reached may take days. New processes read the new
 * key, so that silence does not end easily.
 */
const proofLasts: Seconds = 86_400;

/**
 * Revokes exactly the key that stands as `condemned` in the ledger: the drained old one, an orphan, or the new one
 * of an abandoned rotation. An accepted revoke is no proof; Prove dead comes next.
 *
 * A key that was to leave is spared when the reason to revoke it has passed before the issuer could be asked: its credential is
 * declared again, or the proof that nobody uses it has grown old and must be made anew.
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
      if (leaves && isDeclaredAgain(turn)) await spare(ports, turn);
      else if (leaves && isProofOld(ports, turn)) await turn.record({ name: 'proofAged' });
      else await revoke(ports, turn);
    }
    return { next: nextStep(turn.rotation) };
  });
}

/** Nobody can have taken up the use of a disabled key; and a person's decision needs no proof. */
function isProofOld({ clock }: Pick<Ports, 'clock'>, { rotation }: Turn): boolean {
  const facts = graceFacts(rotation);
  if (facts?.disabledAt || facts?.decision?.choice === 'revoke') return false;
  return !facts?.drainedAt || plus(facts.drainedAt, proofLasts) < clock.now();
}

async function revoke(ports: RevokePorts, turn: Turn): Promise<void> {
  const key = condemnedKey(turn);
  if (!key) return;
  const issuer = await ports.issuers.connect(key.issuer);
  await issuer.revoke(key.keyId);
  const at = ports.clock.now();
  await turn.record({ name: 'revokeAccepted', at }, { keys: [{ ...key, status: 'revoked', revokedAt: at }] });
}
