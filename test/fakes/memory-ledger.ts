/** The ledger in memory, for every test that is not about DynamoDB; the same contract kit runs against both. */
import { commitRefusal, type Obstacles } from '../../lib/aws/commit-refusal.ts';
import type { AuditRecord } from '../../lib/rotation/audit.ts';
import type { Credential } from '../../lib/rotation/credential.ts';
import { LedgerChanged, StepBusy, Superseded } from '../../lib/rotation/errors.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type { Commit, KeyClaim, Ledger, RotationRef } from '../../lib/rotation/ports.ts';
import type { Lease, Rotation } from '../../lib/rotation/rotation.ts';
import type { Instant } from '../../lib/usage/instant.ts';
import { copy } from './copy.ts';

/** All rows of one credential. */
interface Book {
  credential: Credential;
  readonly rotations: Map<string, Rotation>;
  readonly keys: Map<string, Key>;
  readonly audit: Map<number, AuditRecord>;
}

interface State {
  readonly books: Map<string, Book>;
  readonly claims: Map<string, KeyClaim>;
}

export interface MemoryLedger extends Ledger {
  /** Every row there is, to search for what must not be in one. */
  rows(): readonly unknown[];
}

export function memoryLedger(): MemoryLedger {
  const state: State = { books: new Map(), claims: new Map() };
  return { ...reads(state), ...writes(state), rows: () => copy(allRows(state)) };
}

function reads({ books, claims }: State) {
  const credentials = (): readonly Credential[] => [...books.values()].map((book) => book.credential);
  return {
    async load(credentialId, rotationId) {
      const book = books.get(credentialId);
      if (!book) return undefined;
      const rotation = rotationId === undefined ? undefined : book.rotations.get(rotationId);
      const keys = [...book.keys.values()].sort(byGeneration);
      return copy({ credential: book.credential, ...(rotation && { rotation }), keys });
    },
    async credentials() {
      return copy([...credentials()].sort((a, b) => (a.id < b.id ? -1 : 1)));
    },
    async rotations(credentialId) {
      return copy([...(books.get(credentialId)?.rotations.values() ?? [])].sort(newestFirst));
    },
    async due(now, limit) {
      return copy(credentials().filter(isDue(now)).sort(byDueAt).slice(0, limit));
    },
    async overdue(now, limit) {
      const rotations = [...books.values()].flatMap((book) => [...book.rotations.values()]);
      const unheard = rotations.filter((each) => !('endedAt' in each) && each.expectedBy <= now);
      return copy(unheard.sort((a, b) => (a.expectedBy < b.expectedBy ? -1 : 1)).slice(0, limit));
    },
    async claim(issuer, keyId) {
      return copy(claims.get(claimName({ issuer, keyId })));
    },
    async audit(credentialId) {
      return copy([...(books.get(credentialId)?.audit.values() ?? [])].sort((a, b) => a.seq - b.seq));
    },
  } satisfies Partial<Ledger>;
}

function writes(state: State) {
  return {
    async commit(commit) {
      const found = obstacles(state, commit);
      if (found) throw commitRefusal(commit, found);
      write(state, copy(commit));
    },
    async takeLease(ref, lease, now) {
      const rotation = ownedRotation(state, ref);
      if (!isFree(rotation.lease, lease.requestId, now))
        throw new StepBusy(
          `rotation ${ref.rotationId} is leased until ${rotation.lease?.until}: try again then`,
        );
      change(state, ref, { lease });
    },
    async dropLease(ref, requestId) {
      const held = state.books.get(ref.credentialId)?.rotations.get(ref.rotationId)?.lease;
      if (held?.requestId === requestId) change(state, ref, { lease: null });
    },
    async note(ref, note) {
      ownedRotation(state, ref);
      change(state, ref, note);
    },
    async announced(ref, seq) {
      const { outbox } = ownedRotation(state, ref);
      change(state, ref, { outbox: outbox.filter((announcement) => announcement.seq > seq) });
    },
  } satisfies Partial<Ledger>;
}

function obstacles({ books, claims }: State, commit: Commit): Obstacles | undefined {
  const { expected, credential, rotation, keys = [], audit } = commit;
  const book = books.get(credential.id);
  const found: { -readonly [K in keyof Obstacles]: Obstacles[K] } = {};
  if (!isExpected(book?.credential, expected)) found.credential = book?.credential ?? null;
  if (rotation) {
    const row = book?.rotations.get(rotation.rotationId);
    if (!isOwn(row, rotation, expected.run)) found.rotation = row ?? null;
  }
  for (const key of keys) {
    const owner = claims.get(claimName(key));
    if (owner && !sameKey(owner, key)) found.claim = { key, owner };
  }
  if (book?.audit.has(audit.seq)) found.other = 'the audit record that exists already';
  return Object.keys(found).length > 0 ? found : undefined;
}

function isExpected(row: Credential | undefined, { auditSeq, epoch }: Commit['expected']): boolean {
  return auditSeq === 0 ? row === undefined : row?.auditSeq === auditSeq && row.epoch === epoch;
}

function isOwn(row: Rotation | undefined, next: Rotation, run: number | undefined): boolean {
  if (run === undefined) return row === undefined;
  return row?.run === run && (next.lease === null || row.lease?.requestId === next.lease.requestId);
}

function write({ books, claims }: State, { credential, rotation, keys = [], audit }: Commit): void {
  const book = books.get(credential.id) ?? {
    credential,
    rotations: new Map<string, Rotation>(),
    keys: new Map<string, Key>(),
    audit: new Map<number, AuditRecord>(),
  };
  books.set(credential.id, book);
  book.credential = credential;
  if (rotation) book.rotations.set(rotation.rotationId, rotation);
  for (const key of keys) {
    book.keys.set(`${key.generation}#${key.attempt}`, key);
    claims.set(claimName(key), claimOf(key));
  }
  book.audit.set(audit.seq, audit);
}

function ownedRotation({ books }: State, { credentialId, rotationId, run }: RotationRef): Rotation {
  const rotation = books.get(credentialId)?.rotations.get(rotationId);
  if (rotation?.run === run) return rotation;
  throw new Superseded(
    `rotation ${rotationId} of credential ${credentialId} has run ${rotation?.run ?? 'none'}, expected ${run}: end this run`,
  );
}

function change({ books }: State, { credentialId, rotationId }: RotationRef, fields: object): void {
  const rotations = books.get(credentialId)?.rotations;
  const rotation = rotations?.get(rotationId);
  if (!rotations || !rotation) throw new LedgerChanged(`rotation ${rotationId} of ${credentialId} is gone`);
  rotations.set(rotationId, { ...rotation, ...copy(fields) });
}

function isFree(held: Lease | null, requestId: string, now: Instant): boolean {
  return held === null || held.until < now || held.requestId === requestId;
}

const isDue =
  (now: Instant) =>
  ({ dueAt, pause }: Credential): boolean =>
    dueAt !== null && dueAt <= now && pause === null;

const claimName = ({ issuer, keyId }: Pick<Key, 'issuer' | 'keyId'>): string =>
  JSON.stringify([issuer, keyId]);

const claimOf = ({ credentialId, generation, attempt }: KeyClaim): KeyClaim => ({
  credentialId,
  generation,
  attempt,
});

const sameKey = (a: KeyClaim, b: KeyClaim): boolean =>
  a.credentialId === b.credentialId && a.generation === b.generation && a.attempt === b.attempt;

const byGeneration = (a: Key, b: Key): number => a.generation - b.generation || a.attempt - b.attempt;

const byDueAt = (a: Credential, b: Credential): number => ((a.dueAt ?? '') < (b.dueAt ?? '') ? -1 : 1);

const newestFirst = (a: Rotation, b: Rotation): number =>
  a.startedAt === b.startedAt ? b.generation - a.generation : a.startedAt < b.startedAt ? 1 : -1;

function allRows({ books, claims }: State): readonly unknown[] {
  const rowsOf = ({ credential, rotations, keys, audit }: Book): readonly unknown[] => [
    credential,
    ...rotations.values(),
    ...keys.values(),
    ...audit.values(),
  ];
  return [...[...books.values()].flatMap(rowsOf), ...claims.values()];
}
