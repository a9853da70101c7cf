/** The ledger's one transaction: every audited change, with the refusal translated where it happens. */
import { type AttributeValue, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { Key } from '../rotation/key.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Commit } from '../rotation/ports.ts';
import type { Lease } from '../rotation/rotation.ts';
import { commitRefusal, type Obstacles } from './commit-refusal.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, all, type Expression, either, equals, onlyIf } from './expressions.ts';
import { auditRow, claimOf, claimRow, credentialRow, keyRow, type Row, rotationRow } from './ledger-rows.ts';

/** One write of the transaction, and how the row that refuses it is to be understood. */
interface Part {
  readonly row: Row;
  readonly condition?: Expression;
  readonly obstacle: (found: FoundRow | undefined) => Obstacles;
}

/** As DynamoDB returns it with an error: the document client does not translate these. */
type FoundRow = Readonly<Record<string, AttributeValue>>;

/**
 * Writes all rows of the commit or none.
 *
 * Sent twice by the SDK after a lost answer it is applied once: the request carries a token of its own.
 *
 * @throws Fenced, Superseded, LedgerChanged: see `commitRefusal`; anything else as DynamoDB said it.
 */
export async function commitToLedger({ client, table }: LedgerTable, commit: Commit): Promise<void> {
  const parts = partsOf(commit);
  const writes = parts.map(({ row, condition }) => ({
    Put: { TableName: table, Item: { ...row }, ...(condition && onlyIf(condition)) },
  }));
  try {
    await client.send(new TransactWriteCommand({ TransactItems: writes }));
  } catch (error) {
    throw refused(commit, parts, error);
  }
}

function partsOf({ expected, credential, rotation, keys = [], audit }: Commit): readonly Part[] {
  return [
    { row: credentialRow(credential), condition: asRead(expected), obstacle: credentialObstacle },
    ...(rotation
      ? [
          {
            row: rotationRow(rotation),
            condition: ownRun(expected, rotation.lease),
            obstacle: rotationObstacle,
          },
        ]
      : []),
    ...keys.flatMap((key) => [
      { row: keyRow(key), obstacle: () => ({ other: 'a key row' }) },
      { row: claimRow(key), condition: unclaimed(key), obstacle: claimObstacle(key) },
    ]),
    {
      row: auditRow(audit),
      condition: isNew,
      obstacle: () => ({ other: 'the audit record that exists already' }),
    },
  ];
}

const isNew = absent(ledgerTable.partitionKey);

const asRead = ({ auditSeq, epoch }: Commit['expected']): Expression =>
  auditSeq === 0 ? isNew : all(equals('auditSeq', auditSeq), equals('epoch', epoch));

/**
 * The rotation is still this run's and, when the caller holds a lease, still leased to him: the whole row is
 * written, so a caller who has lost his lease would otherwise take it away from the one who has it now.
 */
function ownRun({ run }: Commit['expected'], lease: Lease | null): Expression {
  if (run === undefined) return isNew;
  return lease ? all(equals('run', run), equals('lease.requestId', lease.requestId)) : equals('run', run);
}

const unclaimed = (key: Key): Expression =>
  either(isNew, all(...Object.entries(claimOf(key)).map(([name, value]) => equals(name, value))));

const credentialObstacle = (found: FoundRow | undefined): Obstacles => ({
  credential: found ? { auditSeq: numberIn(found, 'auditSeq'), epoch: numberIn(found, 'epoch') } : null,
});

const rotationObstacle = (found: FoundRow | undefined): Obstacles => ({
  rotation: found ? { run: numberIn(found, 'run'), lease: leaseIn(found) } : null,
});

const claimObstacle =
  (key: Key) =>
  (found: FoundRow | undefined): Obstacles =>
    found
      ? {
          claim: {
            key,
            owner: {
              credentialId: textIn(found, 'credentialId'),
              generation: numberIn(found, 'generation'),
              attempt: numberIn(found, 'attempt'),
            },
          },
        }
      : { other: `the claim of key ${key.keyId}` };

/** Reasons come in the order of the writes; a conflict is another transaction on the same row at this moment. */
function refused(commit: Commit, parts: readonly Part[], error: unknown): unknown {
  if (!(error instanceof TransactionCanceledException)) return error;
  const obstacles = parts.flatMap(({ obstacle }, index) => {
    const reason = error.CancellationReasons?.[index];
    if (reason?.Code === 'ConditionalCheckFailed') return [obstacle(reason.Item)];
    return reason?.Code === 'TransactionConflict' ? [{ other: 'another transaction' }] : [];
  });
  if (obstacles.length === 0) return error;
  return commitRefusal(commit, Object.assign({}, ...obstacles), { cause: error });
}

const numberIn = (row: FoundRow, name: string): number => Number(row[name]?.N);

const textIn = (row: FoundRow, name: string): string => row[name]?.S ?? '';

function leaseIn({ lease }: FoundRow): Lease | null {
  return lease?.M ? { requestId: textIn(lease.M, 'requestId'), until: textIn(lease.M, 'until') } : null;
}
