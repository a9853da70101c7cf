/** The ledger: one DynamoDB table, made from the names that its adapters write by. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { ledgerTable as names } from '../rotation/ledger-table.ts';

/** Outlives the stack: without it nobody knows which keys are whose. */
export function ledgerTable(scope: Construct, encryptionKey: IKey): Table {
  const table = new Table(scope, 'Ledger', {
    partitionKey: { name: names.partitionKey, type: AttributeType.STRING },
    sortKey: { name: names.sortKey, type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: names.timeToLive,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey,
  });
  const { name, partitionKey, sortKey, nonKeyAttributes } = names.dueIndex;
  table.addGlobalSecondaryIndex({
    indexName: name,
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    sortKey: { name: sortKey, type: AttributeType.STRING },
    projectionType: ProjectionType.INCLUDE,
    nonKeyAttributes: [...nonKeyAttributes],
  });
  return table;
}
