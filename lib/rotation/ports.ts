/** What the core needs of the world, one noun each; adapters are in `lib/aws`, twins in `test/fakes`. */
import type { Instant, Seconds } from '../usage/instant.ts';
import type { UsageBook } from '../usage/usage-book.ts';
import type { AuditRecord } from './audit.ts';
import type { Credential } from './credential.ts';
import type { Key } from './key.ts';
import type { Announcement, GraceFacts, Lease, Rotation } from './rotation.ts';
import type { SecretText } from './secret-text.ts';

/** What travels through the state machine, and nothing else. */
export interface RotationRef {
  readonly credentialId: string;
  readonly rotationId: string;
  readonly run: number;
}

/** Everything that the ledger holds about a credential and one of its rotations, read consistently. */
export interface LedgerView {
  readonly credential: Credential;
  /** Absent before Begin has made it. */
  readonly rotation?: Rotation;
  /** All keys of the credential, by generation and attempt. */
  readonly keys: readonly Key[];
}

/**
 * One audited change: these rows and the record, in one transaction.
 * `expected` is what the caller has read; a transaction that finds something else changes nothing.
 */
export interface Commit {
  readonly expected: {
    /** META.auditSeq before; 0 when the credential is new. */
    readonly auditSeq: number;
    /** META.epoch before. */
    readonly epoch: number;
    /** The rotation's run; absent when the rotation is new or not part of the change. */
    readonly run?: number;
  };
  readonly credential: Credential;
  readonly rotation?: Rotation;
  /** Keys as they are to be; each also claims its `issuer` + `keyId` for its credential. */
  readonly keys?: readonly Key[];
  readonly audit: AuditRecord;
}

/** Fields of a rotation that change without an audit record. */
export type RotationNote = Partial<
  Pick<GraceFacts, 'checks' | 'verdict'> & Pick<Rotation, 'expectedBy' | 'resumes' | 'token' | 'condemned'>
>;

/** The book of every credential, key and rotation. */
export interface Ledger {
  /** @returns undefined for a credential that was never registered. */
  load(credentialId: string, rotationId?: string): Promise<LedgerView | undefined>;
  /** Every registered credential, by id. */
  credentials(): Promise<readonly Credential[]>;
  /** The rotations of one credential, newest first. */
  rotations(credentialId: string): Promise<readonly Rotation[]>;
  /** Credentials whose `dueAt` has passed and that are not paused, earliest first, at most `limit`. */
  due(now: Instant, limit: number): Promise<readonly Credential[]>;
  /** Rotations that have not ended and whose `expectedBy` has passed, earliest first, at most `limit`. */
  overdue(now: Instant, limit: number): Promise<readonly Rotation[]>;
  /**
   * @throws Fenced when the epoch differs; Superseded when the rotation's run differs (or a new rotation's row
   * exists already); LedgerChanged when only the audit sequence differs, a claim belongs to another key, the
   * rotation's lease in `commit` is no longer the row's, or a credential that is registered exists already.
   */
  commit(commit: Commit): Promise<void>;
  /**
   * Takes the lease of a rotation unless somebody else holds one that has not run out at `now`.
   * @throws StepBusy, or Superseded when the run differs.
   */
  takeLease(ref: RotationRef, lease: Lease, now: Instant): Promise<void>;
  /** Gives the lease back if `requestId` still holds it. */
  dropLease(ref: RotationRef, requestId: string): Promise<void>;
  /** The caller's copy of the rotation is stale afterwards. @throws Superseded when the run differs. */
  note(ref: RotationRef, note: RotationNote): Promise<void>;
  /**
   * Strikes announcements up to `seq` from the rotation's outbox.
   * @throws Superseded when the run differs, LedgerChanged when the outbox has changed meanwhile.
   */
  announced(ref: RotationRef, seq: number): Promise<void>;
  /** Whose key this is at the issuer, read consistently; undefined when nobody has claimed it. */
  claim(issuer: string, keyId: string): Promise<KeyClaim | undefined>;
  /** The audit trail, oldest first. */
  audit(credentialId: string): Promise<readonly AuditRecord[]>;
}

export interface KeyClaim {
  readonly credentialId: string;
  readonly generation: number;
  readonly attempt: number;
}

/** One create at a time per principal, for issuers that cannot label keys. */
export interface IssuerLocks {
  /** @throws StepBusy when another holder's lock has not run out at `now`. */
  take(issuer: string, lease: Lease, now: Instant): Promise<void>;
  drop(issuer: string, requestId: string): Promise<void>;
}

/** Event ids that have been answered, kept 48 h, so that a redelivery starts nothing. */
export interface Requests {
  /** @returns false when the id is already known. */
  take(id: string, now: Instant): Promise<boolean>;
  /** What became of it, for whoever asked. */
  answer(id: string, answer: StartAnswer): Promise<void>;
  find(id: string): Promise<{ readonly answer: StartAnswer | null } | undefined>;
}

export type StartAnswer =
  | { readonly outcome: 'started'; readonly rotationId: string }
  | { readonly outcome: 'rejected'; readonly reason: string };

/** Where consumers read keys. Versions are always addressed by id. */
export interface SecretStore {
  /**
   * Makes the secret with a placeholder as its first (and AWSCURRENT) version; does nothing when it exists.
   * @param token becomes the placeholder's version id.
   */
  create(secret: NewSecret): Promise<void>;
  /** Puts a value as version `versionId` under one stage; the same value again changes nothing. */
  put(name: string, versionId: string, value: SecretText, stage: string): Promise<void>;
  read(name: string, versionId: string): Promise<SecretText>;
  /** Stages by version id; versions without a stage are not listed. Undefined when there is no such secret. */
  versions(name: string): Promise<ReadonlyMap<string, readonly string[]> | undefined>;
  /** Moves AWSCURRENT in one call; does nothing when it is on `to` already. @throws SecretChangedOutside */
  moveCurrent(name: string, move: { readonly from: string; readonly to: string }): Promise<void>;
  /** What is known of the secret itself; undefined when there is no such secret. */
  describe(name: string): Promise<SecretFacts | undefined>;
  /** Puts a stage of keyturn's on a version that has another one, so that Secrets Manager keeps it. */
  addStage(name: string, versionId: string, stage: string): Promise<void>;
  /** Takes a stage off a version, after which Secrets Manager may drop the version; absent is fine. */
  dropStage(name: string, versionId: string, stage: string): Promise<void>;
}

export interface SecretFacts {
  /** As `versions` has them. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  /** The KMS key as the secret names it (ARN, id or alias); null for the account's aws/secretsmanager. */
  readonly kmsKey: string | null;
  /** Whether Secrets Manager's own rotation is on. */
  readonly nativeRotation: boolean;
}

export interface NewSecret {
  readonly name: string;
  /** @default the stack's key */
  readonly kmsKeyArn?: string;
  readonly token: string;
  readonly placeholder: string;
  readonly credentialId: string;
}

/** What a probe says. Only `alive` and `dead` are evidence; anything unforeseen is `unknown`. */
export type ProbeAnswer = 'alive' | 'forbidden' | 'dead' | 'unknown';

/** What an issuer can do, as data that the workflow obeys. */
export interface Capabilities {
  readonly create: 'api' | 'human';
  /** Keys that the issuer allows in its list, of whatever credential or origin; 1 means no planned rotation. */
  readonly maxLiveKeys: number;
  /** Keys can carry our label, so that an orphan is found by it. */
  readonly named: boolean;
  readonly list: boolean;
  /** A key can be taken out of use and back, without an end. */
  readonly disable: boolean;
  /** Seconds until a use of a key shows in its last use; null when the issuer does not say when keys are used. */
  readonly lastUsedLag: Seconds | null;
  /** Its last use says when a call with the key was refused, a disabled one's too. */
  readonly reportsDenied: boolean;
  /** A key can be given an end when it is made. */
  readonly expiry: boolean;
  /** Calls are made with the key id beside the secret, so consumers must read both. */
  readonly keyIdInCalls: boolean;
  /** Nobody but this installation makes keys under the principal. */
  readonly exclusive: boolean;
  /** Seconds until a created key is accepted, and listed, everywhere. */
  readonly createLag: Seconds;
  /** Seconds until a revoked key is refused, and unlisted, everywhere. */
  readonly revokeLag: Seconds;
  /** Probes in a row that make a proof. */
  readonly probes: number;
}

export interface ListedKey {
  readonly keyId: string;
  readonly label?: string;
  readonly createdAt?: Instant;
}

export interface CreatedKey {
  readonly keyId: string;
  readonly secret: SecretText;
  readonly expiresAt: Instant | null;
}

/** By the issuer's clock, and as late as its `lastUsedLag`; our own probes are among them. */
export interface LastUse {
  /** Null when it has never been used. */
  readonly lastUsedAt: Instant | null;
  /** Null when no call with it was ever refused, or when the issuer does not say. */
  readonly lastDeniedAt: Instant | null;
}

/**
 * The system that makes and kills keys.
 * Every call @throws IssuerRejected when refused for good, IssuerUnavailable when nobody knows what happened.
 */
export interface Issuer {
  readonly capabilities: Capabilities;
  /** @param request.expiresAt when the issuer is to end the key by itself; only where `expiry` allows it. */
  create(request: { readonly label: string; readonly expiresAt?: Instant }): Promise<CreatedKey>;
  list(): Promise<readonly ListedKey[]>;
  /** @param keyId the key's public id, for issuers whose calls are made with both. */
  probe(secret: SecretText, keyId: string): Promise<ProbeAnswer>;
  /** What the issuer itself knows of the key's use; only where `lastUsedLag` is not null. */
  lastUse(keyId: string): Promise<LastUse>;
  revoke(keyId: string): Promise<void>;
  disable(keyId: string): Promise<void>;
  enable(keyId: string): Promise<void>;
}

/** What a target is told of the key that it is to take. */
export interface Deployment {
  readonly credentialId: string;
  readonly rotationId: string;
  readonly generation: number;
  readonly keyId: string;
  /** Name of the secret, and the version of it that holds the key. */
  readonly secretName: string;
  readonly versionId: string;
  /** Reads the key from the store; only targets that hold a copy do. */
  read(): Promise<{
    /** The secret part alone. */
    readonly secret: SecretText;
    /** The text as consumers read it. */
    readonly text: SecretText;
  }>;
}

/**
 * A place that holds a copy of the key, or restarts what does.
 * Every call @throws TargetRejected when refused for good, TargetUnavailable when nobody knows what happened.
 */
export interface Target {
  /** Brings the key there; doing it again changes nothing more. */
  deploy(deployment: Deployment): Promise<void>;
  /** A harmless call that shows whether the target is there and may be used. */
  check(): Promise<void>;
}

export interface Targets {
  /** @throws InvalidInput when no such target block is registered. */
  connect(name: string): Promise<Target>;
}

export interface Issuers {
  /** @throws InvalidInput when no such issuer block is registered. */
  connect(name: string): Promise<Issuer>;
}

/** Issuer or target blocks of keyturn.yaml as registered, by name; plain JSON that the plug-in's own schema has accepted. */
export interface Blocks {
  put(name: string, block: unknown): Promise<void>;
  get(name: string): Promise<unknown>;
}

/** The id of this installation, the namespace of all others. */
export interface Installation {
  /** Keeps `candidate` if there is no id yet. @returns the id that counts, the same for ever. */
  ensure(candidate: string): Promise<string>;
}

/** The way out for events; resolves only when the bus has acknowledged. */
export interface EventSink {
  put(events: readonly (Announcement & { readonly credentialId: string })[]): Promise<void>;
}

/** Starts executions of the rotation state machine. */
export interface Executions {
  /**
   * Starting the same name again is not an error and starts nothing.
   * @returns `runs` when it runs now, whoever started it; `ended` when a past execution has used the name up.
   */
  start(name: string, input: RotationRef & { readonly requestedBy: string }): Promise<'runs' | 'ended'>;
  /** Wakes the execution that waits with this task token. @returns false when none does any more. */
  wake(token: string): Promise<boolean>;
  /** What became of an execution; `startedAt` is null for a name that was never started, or is long forgotten. */
  state(name: string): Promise<{ readonly status: 'runs' | 'ended'; readonly startedAt: Instant | null }>;
}

/** The roles that consumers run as, by what AWS puts on their messages. */
export interface Roles {
  /** The role's unique id, `AROA…`. @returns null when this account has no such role. */
  idOf(arn: string): Promise<string | null>;
}

export interface Clock {
  now(): Instant;
  sleep(seconds: Seconds): Promise<void>;
}

/** Digests and randomness, which the core has no business computing. */
export interface Digests {
  /** SHA-1 of the bytes. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** SHA-256 of the text's UTF-8 bytes, lower-case hex. */
  sha256(text: string): string;
  /** Random letters and digits, for negative controls. */
  randomText(length: number): string;
  randomUuid(): string;
}

/** The invocation that a step runs in. */
export interface Invocation {
  readonly requestId: string;
  /** When the platform kills it. */
  readonly deadline: Instant;
}

/** Where messages that nobody could act on are kept, with the reason as an attribute. */
export interface DeadLetters {
  keep(body: string, reason: string): Promise<void>;
}

/** Numbers for the dashboards. */
export interface Metrics {
  count(name: CountName, dimensions?: Readonly<Record<string, string>>): void;
  /** A value at this moment; CloudWatch shows its course. */
  gauge(name: GaugeName, value: number, dimensions?: Readonly<Record<string, string>>): void;
}

export const countNames = [
  'RotationStarted',
  'RotationCompleted',
  'RotationAbandoned',
  'RotationRejected',
  'RotationOverdue',
  /** A rotation was resumed three times without getting on. */
  'RotationStuck',
  /** Five rotations of a credential in a row were abandoned. */
  'CredentialFailing',
  /** A rotation ended because its issuer lists a key that nobody can place, or foreign keys leave no room for another. */
  'CredentialBlocked',
  /** A target has refused a key three times in a row. */
  'TargetFailing',
  /** A key was missed while it was disabled for a trial; it is enabled again. */
  'KeyMissed',
  'ReportRejected',
] as const;

export type CountName = (typeof countNames)[number];

export const gaugeNames = [
  /** Credentials whose time has come, at each sweep. */
  'CredentialsDue',
  /** Rotations under way that nobody has heard of in time, at each sweep. */
  'RotationsUnheard',
  /** Rotations under way, by `phase`, each hour. */
  'RotationsUnderWay',
  /** Credentials by `status`, each hour. */
  'Credentials',
  /** Days since the promotion of the oldest current key, each hour. */
  'OldestKeyDays',
  /** Seconds from a promotion to the proof that the old key is out of use. */
  'DrainSeconds',
] as const;

export type GaugeName = (typeof gaugeNames)[number];

export interface Ports {
  readonly ledger: Ledger;
  readonly issuerLocks: IssuerLocks;
  readonly requests: Requests;
  readonly secrets: SecretStore;
  readonly issuers: Issuers;
  readonly issuerBlocks: Blocks;
  readonly targets: Targets;
  readonly targetBlocks: Blocks;
  readonly installation: Installation;
  readonly roles: Roles;
  /** Who used which key. */
  readonly usage: Pick<UsageBook, 'presence'>;
  readonly events: EventSink;
  readonly executions: Executions;
  readonly clock: Clock;
  readonly digests: Digests;
  readonly invocation: Invocation;
  readonly metrics: Metrics;
  readonly deadLetters: DeadLetters;
}
