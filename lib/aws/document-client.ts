/** The DynamoDB client that every adapter of the ledger's table expects. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** The ledger's table, and how to reach it. */
export interface LedgerTable {
  /** From `documentClient`, which leaves out what is undefined. */
  readonly client: DynamoDBDocumentClient;
  readonly table: string;
}

/**
 * A client that writes plain objects: optional fields that are undefined are left out, class instances (and so
 * any SecretText) are refused.
 *
 * @param client with region, endpoint, retries and timeouts as the caller's patience wants them.
 */
export function documentClient(client: DynamoDBClient): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
