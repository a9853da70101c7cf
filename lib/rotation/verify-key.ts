/** Verify key: the issuer accepts the new key, again and again, before any consumer may see it. */
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { IssuerUnavailable, KeyRefused } from './errors.ts';
import type { Key } from './key.ts';
import type { Issuer, Ports, RotationRef } from './ports.ts';
import { checkProbe, isAlive, margin, wantedRow } from './probing.ts';
import { readSecret } from './secret-format.ts';
import type { SecretText } from './secret-text.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { newKey } from './turn-state.ts';

type VerifyPorts = TurnPorts & Pick<Ports, 'issuers' | 'secrets'>;

/** Seconds before a key's expiry in which its successor's grace must be over. */
export const timeBeforeExpiry: Seconds = 86_400;

/** A young key may be refused for this many times its issuer's lag before the refusal counts. */
const patience = 3;

/**
 * 1. Reads the value back from the store, by version id: what is proven is what consumers will read.
 * 2. Sees that the probe refuses a random key, then that it accepts this one k times over the issuer's lag.
 * 3. Sees the key in the issuer's list, since a key that is not listed could not be revoked later.
 *
 * Run twice, it probes again, which harms nothing.
 *
 * @throws KeyRefused, ProbeUntrusted, IssuerUnavailable.
 */
export async function verifyKey(ports: VerifyPorts, ref: RotationRef): Promise<{ readonly keyId: string }> {
  return takeTurn(ports, 'verifyKey', ref, async (turn) => {
    const key = newKey(turn);
    if (turn.rotation.phase !== 'verifying') return { keyId: key.keyId };
    const { issuer: issuerName, secret } = turn.credential.declaration;
    const issuer = await ports.issuers.connect(issuerName);
    const value = readSecret(secret, await ports.secrets.read(secret.name, key.versionId));
    checkExpiry(ports, turn, key);
    await checkProbe(ports.digests, issuer, issuerName, value);
    const lastProbedAt = await proveAlive(ports, turn, issuer, value);
    await checkListed(issuer, issuerName, key);
    await turn.record({ name: 'keyVerified' }, { keys: [{ ...key, lastProbedAt }] });
    return { keyId: key.keyId };
  });
}

async function proveAlive(
  ports: VerifyPorts,
  { credential }: Turn,
  issuer: Issuer,
  value: SecretText,
): Promise<Instant> {
  const { probes, createLag } = issuer.capabilities;
  const found = await wantedRow(ports.clock, {
    ask: () => issuer.probe(value),
    wanted: isAlive,
    probes,
    over: createLag,
    patience: plus(ports.clock.now(), patience * createLag),
    until: plus(ports.invocation.deadline, -margin),
  });
  if ('row' in found) return found.row.lastAt;
  const name = credential.declaration.issuer;
  if (found.last === 'unknown') {
    throw new IssuerUnavailable(`the probe of issuer ${name} gave no answer that its rules know`);
  }
  if (isAlive(found.last)) {
    throw new IssuerUnavailable(
      `issuer ${name} began to accept the key of ${credential.id} too late for this invocation to see it ${probes} times`,
    );
  }
  throw new KeyRefused(`issuer ${name} made a key for ${credential.id} and does not accept it`);
}

/** A key that ends before its successor could be in place would end with calls refused. */
function checkExpiry({ clock }: VerifyPorts, { credential }: Turn, { keyId, expiresAt }: Key): void {
  const { grace } = credential.declaration.policy;
  if (!expiresAt || expiresAt > plus(clock.now(), grace.max + timeBeforeExpiry)) return;
  throw new KeyRefused(
    `key ${keyId} of ${credential.id} expires at ${expiresAt}, sooner than grace.max and a day from now: let the issuer make longer-lived keys, or shorten grace.max`,
  );
}

async function checkListed(issuer: Issuer, issuerName: string, { keyId }: Key): Promise<void> {
  if (!issuer.capabilities.list) return;
  const listed = await issuer.list();
  if (!listed.some((key) => key.keyId === keyId)) {
    throw new KeyRefused(
      `issuer ${issuerName} accepts key ${keyId} but does not list it, so it could not be revoked`,
    );
  }
}
