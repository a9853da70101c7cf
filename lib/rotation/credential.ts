/** The logical thing that is rotated, as its ledger row `CRED#<id>` / `META` holds it. */
import type { Instant, Seconds } from '../usage/instant.ts';
import type { Consumer } from '../usage/presence.ts';

/**
 * `new` no key yet · `active` consumers read its current key · `rotating` a rotation holds it ·
 * `blocked` its issuer lists a key that nobody can place.
 */
export const credentialStatuses = ['new', 'active', 'rotating', 'blocked'] as const;

export type CredentialStatus = (typeof credentialStatuses)[number];

/** How the secret's text is built: the user's choice, keyturn writes these fields and nothing else. */
export type SecretShape =
  | { readonly name: string; readonly format: 'text' }
  | {
      readonly name: string;
      readonly format: 'json';
      /** Names of the JSON fields that keyturn writes. */
      readonly fields: { readonly secret: string; readonly keyId?: string; readonly generation?: string };
      /** Fields written as they are, beside keyturn's. */
      readonly constants?: Readonly<Record<string, string>>;
    };

/** Grace in seconds: no revoke before `min`, the question to the owner at `max`, `quiet` seconds without old use. */
export interface Grace {
  readonly min: Seconds;
  readonly max: Seconds;
  readonly quiet: Seconds;
}

export interface Policy {
  readonly rotateEvery: Seconds;
  readonly grace: Grace;
}

/** What keyturn.yaml says of one credential, presets and defaults resolved. */
export interface Declaration {
  /** `demo` allows durations of seconds and loopback issuers without TLS. */
  readonly mode: 'production' | 'demo';
  /** Name of the issuer block. */
  readonly issuer: string;
  readonly owner: { readonly name: string; readonly notify?: string };
  readonly privilege: 'standard' | 'high';
  readonly secret: SecretShape;
  readonly policy: Policy;
  readonly consumers: readonly Consumer[];
  /** Seconds between two usage reports of one process: 60, in `mode: demo` 1. */
  readonly reportEvery: Seconds;
}

export interface Credential {
  readonly id: string;
  /** The namespace of every id of this installation; a random UUID, never changed. */
  readonly installationId: string;
  readonly declaration: Declaration;
  readonly status: CredentialStatus;
  /** Bumped by whoever takes the credential away from a running rotation. */
  readonly epoch: number;
  /** The rotation that holds the lock. */
  readonly activeRotation: string | null;
  /** Generation of the key that consumers read; 0 before the first. */
  readonly currentGeneration: number;
  /** The highest generation ever begun; an abandoned one is used up. */
  readonly lastGeneration: number;
  /** Secrets Manager version id of the current key. */
  readonly currentVersionId: string | null;
  readonly lastPromotedAt: Instant | null;
  /** When the sweep is to start a rotation; null while one runs or when only a person may start it. */
  readonly dueAt: Instant | null;
  /** Number and hash of the newest audit record: together they serialise every audited change. */
  readonly auditSeq: number;
  readonly auditHash: string;
}
