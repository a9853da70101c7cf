/** Verify key: the issuer accepts the key, again and again, before any consumer may see it. */
import { adoptKey } from './adopt-key.ts';
import type { Ports, RotationRef } from './ports.ts';
import { checkExpiry, isProbeOld, listedKey, proveAlive } from './prove-alive.ts';
import { type NextStep, nextStep } from './rotation.ts';
import { readSecret } from './secret-format.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey } from './turn-state.ts';

type VerifyPorts = TurnPorts & Pick<Ports, 'issuers' | 'secrets'>;

/**
 * 1. Reads the value back from the store, by version id: what is proven is what consumers will read.
 * 2. Sees that the probe refuses a random key, then that it accepts this one k times over the issuer's lag.
 * 3. Sees the key in the issuer's list, since a key that is not listed could not be revoked later.
 *
 * In an adoption the same is asked of the key that the secret holds already: see `adopt-key.ts`.
 *
 * A key that has waited for its window, or for a new run, is verified again.
 *
 * Run twice, it probes again, which harms nothing.
 *
 * @returns what the rotation needs next; Promote key, which comes next in any case, passes an adoption on to Complete.
 * @throws KeyRefused, ProbeUntrusted, IssuerUnavailable; in an adoption also InvalidInput.
 */
export async function verifyKey(ports: VerifyPorts, ref: RotationRef): Promise<{ readonly next: NextStep }> {
  return takeTurn(ports, 'verifyKey', ref, async (turn) => {
    const { phase, kind } = turn.rotation;
    if (phase === 'verifying' && kind === 'adopt') await adoptKey(ports, turn);
    else if (phase === 'verifying' || (phase === 'verified' && isProbeOld(ports, newKey(turn)))) {
      await verify(ports, turn);
    }
    return { next: nextStep(turn.rotation) };
  });
}

async function verify(ports: VerifyPorts, turn: Turn): Promise<void> {
  const key = newKey(turn);
  const { secret } = turn.credential.declaration;
  const issuer = await ports.issuers.connect(key.issuer);
  const value = readSecret(secret, await ports.secrets.read(secret.name, key.versionId));
  checkExpiry(ports, turn, key);
  const lastProbedAt = await proveAlive(ports, issuer, key, value);
  await listedKey(issuer, key.issuer, key.keyId);
  await turn.record({ name: 'keyVerified' }, { keys: [{ ...key, lastProbedAt }] });
}
