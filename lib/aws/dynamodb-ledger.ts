/** The ledger in one DynamoDB table. */
import type { Ledger } from '../rotation/ports.ts';
import type { LedgerTable } from './document-client.ts';
import { commitToLedger } from './ledger-commit.ts';
import { ledgerReads } from './ledger-reads.ts';
import { ledgerUpdates } from './ledger-updates.ts';

/**
 * A key's claim is a row of its own, written with the key and read consistently. An index on the key id would do
 * without it, but lags: for that moment one credential's key would look like another's orphan, and be revoked.
 *
 * @example
 * const ledger = dynamoDbLedger({ client: documentClient(new DynamoDBClient()), table: 'keyturn-ledger' });
 */
export function dynamoDbLedger(ledger: LedgerTable): Ledger {
  return {
    ...ledgerReads(ledger),
    ...ledgerUpdates(ledger),
    commit: (commit) => commitToLedger(ledger, commit),
  };
}
