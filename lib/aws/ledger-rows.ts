/** Where each thing stands in the ledger's table, and how it becomes a row and is read back. */

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AuditRecord } from '../rotation/audit.ts';
import type { Credential } from '../rotation/credential.ts';
import type { Key } from '../rotation/key.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { KeyClaim } from '../rotation/ports.ts';
import { graceFrom, type Rotation } from '../rotation/rotation.ts';
import { instant } from '../usage/instant.ts';
import type { Presence } from '../usage/presence.ts';
import type { UsageDay, UsageRow } from '../usage/usage-book.ts';

const { partitionKey, sortKey, dueIndex } = ledgerTable;

/** The primary key of a row. */
export interface Address {
  readonly [partitionKey]: string;
  readonly [sortKey]: string;
}

export type Row = Readonly<Record<string, unknown>>;

const at = (pk: string, sk: string): Address => ({ [partitionKey]: pk, [sortKey]: sk });

const padded = (number: number, digits: number): string => String(number).padStart(digits, '0');

/** Which day of which consumer with which key. */
export type DayName = Pick<UsageDay, 'credentialId' | 'day' | 'generation' | 'consumer'>;

/** What the sort keys of a credential's rows begin with. */
export const sortPrefix = { key: 'KEY#', rotation: 'ROT#', audit: 'AUDIT#' } as const;

/** Partitions that hold many rows of the same kind. */
export const partitionOf = {
  presence: (credentialId: string) => `SEEN#${credentialId}`,
  usage: ({ credentialId, generation, shard }: Pick<UsageRow, 'credentialId' | 'generation' | 'shard'>) =>
    `USE#${credentialId}#${generation}#${shard}`,
  days: (credentialId: string) => `DAYS#${credentialId}`,
} as const;

/** Every kind of row has its address here, and nowhere else. */
export const addressOf = {
  credential: (id: string) => at(`CRED#${id}`, 'META'),
  key: ({ credentialId, generation, attempt }: KeyClaim) =>
    at(`CRED#${credentialId}`, `${sortPrefix.key}${padded(generation, 6)}#${padded(attempt, 3)}`),
  rotation: ({ credentialId, rotationId }: Pick<Rotation, 'credentialId' | 'rotationId'>) =>
    at(`CRED#${credentialId}`, `${sortPrefix.rotation}${rotationId}`),
  audit: ({ credentialId, seq }: Pick<AuditRecord, 'credentialId' | 'seq'>) =>
    at(`CRED#${credentialId}`, `${sortPrefix.audit}${padded(seq, 12)}`),
  claim: ({ issuer, keyId }: Pick<Key, 'issuer' | 'keyId'>) => at(`ISSUER#${issuer}`, `KEY#${keyId}`),
  issuerLock: (issuer: string) => at(`ISSUER#${issuer}`, 'LOCK'),
  issuerBlock: (issuer: string) => at(`ISSUER#${issuer}`, 'BLOCK'),
  targetBlock: (target: string) => at(`TARGET#${target}`, 'BLOCK'),
  request: (id: string) => at(`REQ#${id}`, 'META'),
  installation: () => at('INSTALLATION', 'META'),
  presence: ({ credentialId, consumer, instance }: Presence) =>
    at(partitionOf.presence(credentialId), `${consumer}#${instance}`),
  /** By minute first, so that the last hour is read without the weeks before it. */
  usage: (row: UsageRow) => at(partitionOf.usage(row), `${row.minute}#${row.consumer}#${row.instance}`),
  /** By day first, so that the last week is read without the years before it. */
  day: ({ credentialId, day, generation, consumer }: DayName) =>
    at(partitionOf.days(credentialId), `${day}#${padded(generation, 6)}#${consumer}`),
} as const;

/** Partitions of the index `due`. */
export const dueShards: readonly string[] = Array.from({ length: dueIndex.shards }, (_, n) => `DUE#${n}`);

/** Always the same shard for the same credential, evenly spread. */
export function dueShard(credentialId: string): string {
  const digest = createHash('sha256').update(credentialId).digest();
  return `DUE#${digest.readUInt32BE(0) % dueIndex.shards}`;
}

/** The index is sparse: what lacks its shard is not in it; and DynamoDB refuses null in one of its keys. */
const dueAttributes = (credentialId: string, dueAt: string | null): Row =>
  dueAt === null ? {} : { [dueIndex.partitionKey]: dueShard(credentialId), [dueIndex.sortKey]: dueAt };

/** A paused credential keeps its date and leaves the index, so that many of them never stand in anybody's way. */
export function credentialRow({ dueAt, ...credential }: Credential): Row {
  const { id, pause } = credential;
  const row = { ...addressOf.credential(id), type: 'credential', ...credential };
  if (pause && dueAt) return { ...row, [dueIndex.sortKey]: dueAt };
  return { ...row, ...dueAttributes(id, dueAt) };
}

/** A rotation that has not ended is in the index by `expectedBy`, so that a sweep can find the forgotten ones. */
export function rotationRow(rotation: Rotation): Row {
  const dueAt = 'endedAt' in rotation ? null : rotation.expectedBy;
  return {
    ...addressOf.rotation(rotation),
    type: 'rotation',
    ...withoutDefaults(rotation),
    ...dueAttributes(rotation.credentialId, dueAt),
  };
}

export const keyRow = (key: Key): Row => ({ ...addressOf.key(key), type: 'key', ...key });

export const auditRow = (record: AuditRecord): Row => ({
  ...addressOf.audit(record),
  type: 'audit',
  ...record,
});

export const claimRow = (key: Key): Row => ({
  ...addressOf.claim(key),
  type: 'claim',
  ...claimOf(key),
});

export const claimOf = ({ credentialId, generation, attempt }: KeyClaim): KeyClaim => ({
  credentialId,
  generation,
  attempt,
});

/** The one place where rows become types again: what this file wrote, it trusts. */
export const read = {
  credential: (row: Row) =>
    trusted<Credential>({ ...laterCredentialFields, ...content(row), dueAt: row[dueIndex.sortKey] ?? null }),
  rotation: (row: Row) =>
    trusted<Rotation>({
      ...laterRotationFields,
      ...('promotedAt' in row && laterGraceFields),
      ...content(row),
    }),
  key: (row: Row) => trusted<Key>(content(row)),
  audit: (row: Row) => trusted<AuditRecord>(content(row)),
  claim: (row: Row) => trusted<KeyClaim>(content(row)),
} as const;

/** What rows lack that an earlier keyturn wrote. */
const laterCredentialFields = { pause: null, mustChangeBy: null, failures: 0, removedAt: null, senders: {} };
const laterRotationFields = { kind: 'rotate', resumes: 0, token: null };
/** All that a grace begins with, but its times. */
const { promotedAt: _promotedAt, deadline: _deadline, ...laterGraceFields } = graceFrom(instant(0), 0);

/** A row is billed by the KiB, and most rotations never leave these fields' defaults. */
const withoutDefaults = (rotation: Rotation): Row => {
  const defaults: Row = { ...laterRotationFields, ...laterGraceFields };
  return Object.fromEntries(
    Object.entries(rotation).filter(
      ([name, value]) => !(name in defaults) || !isDeepStrictEqual(value, defaults[name]),
    ),
  );
};

const trusted = <Type>(row: unknown): Type => row as Type;

function content(row: Row): Row {
  const {
    [partitionKey]: _pk,
    [sortKey]: _sk,
    [dueIndex.partitionKey]: _shard,
    [dueIndex.sortKey]: _dueAt,
    type: _type,
    ...rest
  } = row;
  return rest;
}
