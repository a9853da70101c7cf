/** Issuer locks in the ledger's table. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { StepBusy } from '../rotation/errors.ts';
import { ledgerTable } from '../rotation/ledger-table.ts';
import type { IssuerLocks } from '../rotation/ports.ts';
import type { Lease } from '../rotation/rotation.ts';
import type { Instant } from '../usage/instant.ts';
import type { LedgerTable } from './document-client.ts';
import { absent, compare, type Expression, either, equals, onlyIf } from './expressions.ts';
import { addressOf } from './ledger-rows.ts';

/** One row per issuer; a lock that has run out is taken over, so nobody needs to clean up after a crash. */
export function dynamoDbIssuerLocks({ client, table }: LedgerTable): IssuerLocks {
  return {
    async take(issuer, lease, now) {
      const Item = { ...addressOf.issuerLock(issuer), ...lease };
      try {
        await client.send(new PutCommand({ TableName: table, Item, ...onlyIf(lockIsFree(lease, now)) }));
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) throw busy(issuer, error);
        throw error;
      }
    },
    async drop(issuer, requestId) {
      const Key = { ...addressOf.issuerLock(issuer) };
      try {
        await client.send(
          new DeleteCommand({ TableName: table, Key, ...onlyIf(equals('requestId', requestId)) }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}

const lockIsFree = ({ requestId }: Lease, now: Instant): Expression =>
  either(absent(ledgerTable.partitionKey), compare('until', '<', now), equals('requestId', requestId));

function busy(issuer: string, cause: ConditionalCheckFailedException): StepBusy {
  const { requestId, until } = cause.Item ?? {};
  return new StepBusy(`issuer ${issuer} is locked by ${requestId?.S} until ${until?.S}: try again then`, {
    cause,
  });
}
