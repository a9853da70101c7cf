/** The installation's id in the ledger's table, written once. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { Installation } from '../rotation/ports.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, onlyIf } from './expressions.ts';
import { addressOf } from './ledger-rows.ts';

/** Of two registrations at the same time one writes; the other is refused and told the winner's id by that. */
export function dynamoDbInstallation({ client, table }: LedgerTable): Installation {
  return {
    async ensure(candidate) {
      const Item = { ...addressOf.installation(), installationId: candidate };
      try {
        await client.send(new PutCommand({ TableName: table, Item, ...onlyIf(isNew) }));
        return candidate;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const { installationId } = error.Item ?? {};
        if (!installationId?.S) throw error;
        return installationId.S;
      }
    },
  };
}

const isNew = absent(ledgerTable.partitionKey);
