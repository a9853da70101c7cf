/** The ledger's unaudited changes of a rotation row: lease, notes and outbox. None moves the audit sequence. */
import { ConditionalCheckFailedException, TransactionConflictException } from '@aws-sdk/client-dynamodb';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { LedgerChanged, StepBusy, Superseded } from '../rotation/errors.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Ledger, RotationNote, RotationRef } from '../rotation/ports.ts';
import type { Lease, Rotation } from '../rotation/rotation.ts';
import type { Instant } from '../usage/instant.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, all, compare, type Expression, either, equals, setting } from './expressions.ts';
import { addressOf, read } from './ledger-rows.ts';

export function ledgerUpdates(ledger: LedgerTable) {
  return {
    takeLease: (ref, lease, now) => takeLease(ledger, ref, lease, now),
    dropLease: (ref, requestId) => dropLease(ledger, ref, requestId),
    note: (ref, note) => writeNote(ledger, ref, note),
    announced: (ref, seq) => strike(ledger, ref, seq),
  } satisfies Partial<Ledger>;
}

function takeLease(ledger: LedgerTable, ref: RotationRef, lease: Lease, now: Instant): Promise<void> {
  return change(ledger, ref, { lease }, leaseIsFree(lease.requestId, now), (cause, found) => {
    const holder = found
      ? `leased to ${found.requestId} until ${found.until}`
      : 'being written by somebody else';
    return new StepBusy(`rotation ${ref.rotationId} is ${holder}: try again after that`, { cause });
  });
}

/** A free lease is null in the row, which is a value of its own to DynamoDB. */
const leaseIsFree = (requestId: string, now: Instant): Expression =>
  either(
    absent('lease'),
    equals('lease', null),
    compare('lease.until', '<', now),
    equals('lease.requestId', requestId),
  );

/**
 * Refused means that the lease is not ours any more. A transaction under way on the row has it, too, or carries
 * ours along; then it runs out by itself.
 */
async function dropLease({ client, table }: LedgerTable, ref: RotationRef, requestId: string): Promise<void> {
  try {
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { ...addressOf.rotation(ref) },
        ...setting({ lease: null }, equals('lease.requestId', requestId)),
      }),
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** Sets the run to what it is, too: a note may be empty, an update may not. */
function writeNote(ledger: LedgerTable, ref: RotationRef, note: RotationNote): Promise<void> {
  const due = note.expectedBy && { [ledgerTable.dueIndex.sortKey]: note.expectedBy };
  return change(ledger, ref, { run: ref.run, ...note, ...due }, undefined, (cause) => changed(ref, cause));
}

/**
 * Reads the outbox and writes back the rest of it, on condition that it is still what was read: an announcement
 * that is added in between is never lost.
 */
async function strike(ledger: LedgerTable, ref: RotationRef, seq: number): Promise<void> {
  const { outbox } = await ownedRotation(ledger, ref);
  const rest = outbox.filter((announcement) => announcement.seq > seq);
  if (rest.length === outbox.length) return;
  await change(ledger, ref, { outbox: rest }, equals('outbox', outbox), (cause) => changed(ref, cause));
}

async function ownedRotation({ client, table }: LedgerTable, ref: RotationRef): Promise<Rotation> {
  const { Item } = await client.send(
    new GetCommand({ TableName: table, Key: { ...addressOf.rotation(ref) }, ConsistentRead: true }),
  );
  const rotation = Item && read.rotation(Item);
  if (rotation?.run === ref.run) return rotation;
  throw superseded(ref, rotation?.run);
}

/** Sets fields of a rotation that is still this run's; `refuse` says what it means when only `condition` fails. */
async function change(
  { client, table }: LedgerTable,
  ref: RotationRef,
  fields: Readonly<Record<string, unknown>>,
  condition: Expression | undefined,
  refuse: (cause: Error, lease: Lease | undefined) => Error,
): Promise<void> {
  const isOwn = equals('run', ref.run);
  const when = condition ? all(isOwn, condition) : isOwn;
  const Key = { ...addressOf.rotation(ref) };
  try {
    await client.send(new UpdateCommand({ TableName: table, Key, ...setting(fields, when) }));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const found = foundIn(error);
    if (found && found.run !== ref.run) throw superseded(ref, found.run, error);
    throw refuse(error, found?.lease);
  }
}

type Refusal = ConditionalCheckFailedException | TransactionConflictException;

const isRefusal = (error: unknown): error is Refusal =>
  error instanceof ConditionalCheckFailedException || error instanceof TransactionConflictException;

/** The row that failed a condition, in DynamoDB's own notation; nothing when the refusal was a conflict. */
function foundIn(error: Refusal): { readonly run?: number; readonly lease?: Lease } | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) return undefined;
  const { run, lease } = error.Item ?? {};
  const { requestId, until } = lease?.M ?? {};
  return {
    ...(run?.N && { run: Number(run.N) }),
    ...(requestId?.S && until?.S && { lease: { requestId: requestId.S, until: until.S } }),
  };
}

function superseded(
  { credentialId, rotationId, run }: RotationRef,
  found?: number,
  cause?: Error,
): Superseded {
  const text = `rotation ${rotationId} of credential ${credentialId} has run ${found ?? 'none'}, expected ${run}`;
  return new Superseded(`${text}: another execution has taken over, end this run`, { cause });
}

const changed = ({ credentialId, rotationId }: RotationRef, cause: Error): LedgerChanged =>
  new LedgerChanged(
    `rotation ${rotationId} of credential ${credentialId} was changed meanwhile: read it again`,
    {
      cause,
    },
  );
