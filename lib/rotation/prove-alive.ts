/** What shows that a key works, before anything relies on it. */
import { type Instant, plus, type Seconds } from '../usage/instant.ts';
import { timeBeforeExpiry } from './due.ts';
import { IssuerUnavailable, KeyRefused } from './errors.ts';
import type { Key } from './key.ts';
import type { Issuer, ListedKey, Ports } from './ports.ts';
import { checkProbe, isAlive, margin, wantedRow } from './probing.ts';
import type { SecretText } from './secret-text.ts';
import type { TurnState } from './turn-state.ts';

/** Seconds after which it must be seen again that a key works, before anybody gets it. */
export const probeLasts: Seconds = 15 * 60;

export const isProbeOld = ({ clock }: Pick<Ports, 'clock'>, { lastProbedAt }: Key): boolean =>
  lastProbedAt === null || plus(lastProbedAt, probeLasts) < clock.now();

/** A young key may be refused for this many times its issuer's lag before the refusal counts. */
const patience = 3;

/**
 * Sees that the probe refuses a random key, then that it accepts this one k times over the issuer's lag.
 * @returns when it was accepted last.
 * @throws KeyRefused, ProbeUntrusted, IssuerUnavailable.
 */
export async function proveAlive(
  ports: Pick<Ports, 'clock' | 'digests' | 'invocation'>,
  issuer: Issuer,
  key: Key,
  value: SecretText,
): Promise<Instant> {
  await checkProbe(ports.digests, issuer, key, value);
  const { probes, createLag } = issuer.capabilities;
  const found = await wantedRow(ports.clock, {
    ask: () => issuer.probe(value, key.keyId),
    wanted: isAlive,
    probes,
    over: createLag,
    patience: plus(ports.clock.now(), patience * createLag),
    until: plus(ports.invocation.deadline, -margin),
  });
  if ('row' in found) return found.row.lastAt;
  if (found.last === 'unknown') {
    throw new IssuerUnavailable(`the probe of issuer ${key.issuer} gave no answer that its rules know`);
  }
  if (isAlive(found.last)) {
    throw new IssuerUnavailable(
      `issuer ${key.issuer} began to accept the key of ${key.credentialId} too late for this invocation to see it ${probes} times`,
    );
  }
  throw new KeyRefused(`issuer ${key.issuer} does not accept key ${key.keyId} of ${key.credentialId}`);
}

/**
 * A key that is not listed could not be revoked later.
 * @returns what the list says of it; undefined where there are no lists.
 * @throws KeyRefused
 */
export async function listedKey(issuer: Issuer, name: string, keyId: string): Promise<ListedKey | undefined> {
  if (!issuer.capabilities.list) return undefined;
  const found = (await issuer.list()).find((key) => key.keyId === keyId);
  if (found) return found;
  throw new KeyRefused(`issuer ${name} does not list key ${keyId}, so it could not be revoked`);
}

/**
 * A key that ends before its successor could be in place would end with calls refused.
 * @throws KeyRefused
 */
export function checkExpiry(
  { clock }: Pick<Ports, 'clock'>,
  { credential }: TurnState,
  { keyId, expiresAt }: Key,
): void {
  const { grace } = credential.declaration.policy;
  if (!expiresAt || expiresAt > plus(clock.now(), grace.max + timeBeforeExpiry)) return;
  throw new KeyRefused(
    `key ${keyId} of ${credential.id} expires at ${expiresAt}, sooner than grace.max and a day from now: let the issuer make longer-lived keys, or shorten grace.max`,
  );
}
