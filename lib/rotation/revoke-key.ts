/** Revoke key: asks the issuer to end the condemned key, whoever condemned it. */
import type { Ports, RotationRef } from './ports.ts';
import { type TurnPorts, takeTurn } from './turn.ts';
import { condemnedKey } from './turn-state.ts';

type RevokePorts = TurnPorts & Pick<Ports, 'issuers'>;

/**
 * Revokes exactly the key that stands as `condemned` in the ledger: the drained old one, an orphan, or the new one
 * of an abandoned rotation. An accepted revoke is no proof; Prove dead comes next.
 *
 * Run again after a death it revokes the same key again, which issuers answer without harm.
 *
 * @throws IssuerRejected, IssuerUnavailable: the workflow asks again for 30 days.
 */
export async function revokeKey(
  ports: RevokePorts,
  ref: RotationRef,
): Promise<{ readonly keyId: string | null }> {
  return takeTurn(ports, 'revokeKey', ref, async (turn) => {
    const key = condemnedKey(turn);
    if (!key || turn.rotation.condemned?.revokedAt) return { keyId: key?.keyId ?? null };
    const issuer = await ports.issuers.connect(key.issuer);
    await issuer.revoke(key.keyId);
    const at = ports.clock.now();
    await turn.record(
      { name: 'revokeAccepted', at },
      { keys: [{ ...key, status: 'revoked', revokedAt: at }] },
    );
    return { keyId: key.keyId };
  });
}
