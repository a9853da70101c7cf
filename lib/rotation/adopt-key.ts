/** Adoption: the key that a secret holds already becomes the first generation, without a key being made. */
import type { SecretShape } from './credential.ts';
import { currentOf } from './current-version.ts';
import { CredentialRemoved, ImpossibleTransition, InvalidInput } from './errors.ts';
import type { Ports, SecretFacts } from './ports.ts';
import { listedKey, proveAlive } from './prove-alive.ts';
import { readAdopted } from './secret-format.ts';
import type { Turn } from './turn.ts';
import { keyOfAttempt } from './turn-state.ts';

type AdoptPorts = Pick<Ports, 'ledger' | 'clock' | 'digests' | 'invocation' | 'issuers' | 'secrets'>;

/**
 * 1. The secret is there, Secrets Manager's own rotation of it is off, and its KMS key is the declared one.
 * 2. Its text has the declared shape and no field beside, since keyturn's next version would drop that.
 * 3. The declared key id is in the issuer's list and of no other credential, and its value answers a probe.
 * 4. Writes the key, as current, under the version that the secret has now.
 *
 * Nothing outside the ledger is changed, so a failure leaves everything as it was.
 *
 * @throws InvalidInput when the secret is not as declared; KeyRefused, ProbeUntrusted, IssuerUnavailable.
 */
export async function adoptKey(ports: AdoptPorts, turn: Turn): Promise<void> {
  const { id, declaration, removedAt } = turn.credential;
  if (removedAt) {
    throw new CredentialRemoved(
      `credential "${id}" is no longer declared since ${removedAt}: its key is left alone`,
    );
  }
  const { adopt, secret, issuer: issuerName } = declaration;
  if (!adopt)
    throw new ImpossibleTransition(`${id} has nothing to adopt any more: its declaration has changed`);
  const versionId = adoptableVersion(secret, await ports.secrets.describe(secret.name));
  const value = readAdopted(secret, await ports.secrets.read(secret.name, versionId), adopt.keyId);
  const issuer = await ports.issuers.connect(issuerName);
  const listed = await listedKey(issuer, issuerName, adopt.keyId);
  await checkUnclaimed(ports, issuerName, adopt.keyId, id);
  const key = {
    ...keyOfAttempt(ports, turn, turn.rotation.attempt, {
      keyId: adopt.keyId,
      fingerprint: ports.digests.sha256(value.reveal()),
      expiresAt: null,
      status: 'current',
    }),
    versionId,
    mintedAt: listed?.createdAt ?? ports.clock.now(),
  };
  const lastProbedAt = await proveAlive(ports, issuer, key, value);
  await turn.record(
    { name: 'keyAdopted', at: ports.clock.now() },
    {
      credential: { currentGeneration: key.generation, currentVersionId: versionId },
      keys: [{ ...key, lastProbedAt }],
    },
  );
}

/** @throws InvalidInput */
function adoptableVersion(secret: SecretShape, facts: SecretFacts | undefined): string {
  const { name, kmsKeyArn } = secret;
  const current = facts && currentOf(facts.versions);
  if (!facts || !current) {
    throw new InvalidInput(
      `there is no secret ${name} with a value to adopt: check its name, or remove "adopt" to let keyturn make the first key`,
    );
  }
  if (facts.nativeRotation) {
    throw new InvalidInput(
      `secret ${name} is rotated by Secrets Manager itself: turn that off (aws secretsmanager cancel-rotate-secret --secret-id ${name}) before keyturn adopts it`,
    );
  }
  // An alias could be any key; that one is told by whether the value can be read.
  if (kmsKeyArn && facts.kmsKey && !facts.kmsKey.includes('alias/') && !kmsKeyArn.endsWith(facts.kmsKey)) {
    throw new InvalidInput(
      `secret ${name} is encrypted with ${facts.kmsKey}, its prefix in keyturn.yaml says ${kmsKeyArn}: declare the key that it has`,
    );
  }
  return current;
}

/** @throws InvalidInput */
async function checkUnclaimed(
  { ledger }: Pick<Ports, 'ledger'>,
  issuer: string,
  keyId: string,
  credentialId: string,
): Promise<void> {
  const claim = await ledger.claim(issuer, keyId);
  if (!claim || claim.credentialId === credentialId) return;
  throw new InvalidInput(
    `key ${keyId} of issuer ${issuer} belongs to credential "${claim.credentialId}" already: a key is adopted once`,
  );
}
