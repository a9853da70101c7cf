/** The logical thing that is rotated, as its ledger row `CRED#<id>` / `META` holds it. */
import type { Instant, Seconds } from '../usage/instant.ts';
import type { Consumer } from '../usage/presence.ts';

/**
 * `new` no key yet · `active` consumers read its current key · `rotating` a rotation holds it ·
 * `blocked` its issuer lists a key that nobody can place, or has no room for another · `failing` five rotations in a
 * row were abandoned · `retiring` it is no longer declared and its last key drains · `retired` its last key is dead.
 */
export const credentialStatuses = [
  'new',
  'active',
  'rotating',
  'blocked',
  'failing',
  'retiring',
  'retired',
] as const;

export type CredentialStatus = (typeof credentialStatuses)[number];

/** How the secret's text is built: the user's choice, keyturn writes these fields and nothing else. */
export type SecretShape = {
  readonly name: string;
  /** The KMS key that encrypts it, from its prefix. Absent: the stack's own. */
  readonly kmsKeyArn?: string;
} & (
  | { readonly format: 'text' }
  | {
      readonly format: 'json';
      /** Names of the JSON fields that keyturn writes. */
      readonly fields: { readonly secret: string; readonly keyId?: string; readonly generation?: string };
      /** Fields written as they are, beside keyturn's. */
      readonly constants?: Readonly<Record<string, string>>;
    }
);

/** Grace in seconds: no revoke before `min`, the deadline at `max`, `quiet` seconds without old use. */
export interface Grace {
  readonly min: Seconds;
  readonly max: Seconds;
  readonly quiet: Seconds;
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export type Weekday = (typeof weekdays)[number];

/** Hours of the week in which a rotation may start, promote and revoke; incidents know no window. */
export interface Window {
  readonly days: readonly Weekday[];
  /** `HH:MM` on a quarter of an hour, local time. */
  readonly from: string;
  /** As `from`, or `24:00`; not after `from` means the next day. */
  readonly to: string;
  /** A name of the IANA time zone database. */
  readonly timeZone: string;
}

export interface Policy {
  readonly rotateEvery: Seconds;
  readonly grace: Grace;
  /** What follows when the grace is over without proof. Absent: its owner is asked. */
  readonly atDeadline?: 'extend' | 'revoke';
  /** How long the leaving key is disabled before it is revoked, where the issuer can. Absent: 30 min. */
  readonly observe?: Seconds;
  /** How long the issuer is to let a new key live; absent: as long as it likes. */
  readonly keyTtl?: Seconds;
  /** Absent: always open. */
  readonly windows?: readonly Window[];
}

/** What keyturn.yaml says of one credential, presets and defaults resolved. */
export interface Declaration {
  /** `demo` allows durations of seconds and loopback issuers without TLS. */
  readonly mode: 'production' | 'demo';
  /** Name of the issuer block. */
  readonly issuer: string;
  /** Whose keys they are at the issuer: another account behind the same block would know nothing of them. */
  readonly account?: string;
  readonly owner: { readonly name: string; readonly notify?: string };
  readonly privilege: 'standard' | 'high';
  readonly secret: SecretShape;
  readonly policy: Policy;
  readonly consumers: readonly Consumer[];
  /** Names of target blocks that get each new key after its promotion. Absent: none. */
  readonly targets?: readonly string[];
  /** The key that the secret holds already: it becomes the first generation, and none is made. */
  readonly adopt?: { readonly keyId: string };
  /** Seconds between two usage reports of one process: 60, in `mode: demo` 1. */
  readonly reportEvery: Seconds;
}

/** Somebody wants no new rotation of this credential for now. */
export interface Pause {
  readonly at: Instant;
  /** Who, as AWS names the caller. */
  readonly by: string;
  readonly reason: string;
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
  /** While it is set, the sweep starts nothing and requests are refused; what runs goes on. */
  readonly pause: Pause | null;
  /** From here on a window holds nothing back, since the key ends by itself soon; null when it does not. */
  readonly mustChangeBy: Instant | null;
  /** Rotations in a row that were abandoned. */
  readonly failures: number;
  /**
   * Unique id of the role that each consumer with a declared role reports as; null where IAM has no such role. A
   * consumer without one is not in it, and anybody who may send to the queue can speak for it.
   */
  readonly senders: Readonly<Record<string, string | null>>;
  /** When a registration found it no longer declared; null while it is. */
  readonly removedAt: Instant | null;
  /** Number and hash of the newest audit record: together they serialise every audited change. */
  readonly auditSeq: number;
  readonly auditHash: string;
}
