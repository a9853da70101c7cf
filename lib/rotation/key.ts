/** One issued value of a credential, as its ledger row `KEY#<generation>#<attempt>` holds it. */
import type { Instant } from '../usage/instant.ts';

/**
 * `minted` the issuer made it and the ledger has its id · `stored` its value is in the secret store ·
 * `current` consumers read it · `superseded` it was current · `orphaned` ours, but its value is lost ·
 * `disabled` the issuer refuses it for a trial · `revoked` the issuer accepted the revoke · `dead` proven.
 */
export const keyStatuses = [
  'minted',
  'stored',
  'current',
  'superseded',
  'orphaned',
  'disabled',
  'revoked',
  'dead',
] as const;

export type KeyStatus = (typeof keyStatuses)[number];

/** Why we say that a key is dead. */
export interface Proof {
  /** `refusal`: calls with the key were refused · `list`: the value is lost, and lists lack the key. */
  readonly by: 'refusal' | 'list';
  /** Probes or lists in a row that said so. */
  readonly probes: number;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

export interface Key {
  readonly credentialId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly rotationId: string;
  /** Name of the issuer block; with `keyId` the key's address at the issuer. */
  readonly issuer: string;
  readonly keyId: string;
  readonly versionId: string;
  /** SHA-256 of the secret part's UTF-8 bytes, hex; null for an orphan, whose value nobody has. */
  readonly fingerprint: string | null;
  readonly status: KeyStatus;
  readonly mintedAt: Instant;
  /** When the issuer ends it by itself; null when it does not. */
  readonly expiresAt: Instant | null;
  /** Our own last probe: an issuer's "last used" up to here proves nothing. */
  readonly lastProbedAt: Instant | null;
  readonly revokedAt: Instant | null;
  readonly proof: Proof | null;
}

/** A key that can still be used, as far as anyone has proven. */
export const isLive = (key: Key): boolean => key.status !== 'dead';
