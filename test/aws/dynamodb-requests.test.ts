/** A write whose answer is lost is sent again by the SDK, and must not look like a redelivered event. */
import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbRequests } from '../../lib/aws/dynamodb-requests.ts';
import { someTime } from '../support/builders.ts';

const dynamoDb = mockClient(DynamoDBDocumentClient);
const client = documentClient(new DynamoDBClient({ region: 'us-east-1' }));
const requests = dynamoDbRequests({ client, table: 'ledger' });
const refusedBecauseOf = (mark: string) =>
  new ConditionalCheckFailedException({ message: 'refused', $metadata: {}, Item: { mark: { S: mark } } });

beforeEach(() => {
  dynamoDb.reset();
});

describe('taking a request', () => {
  it('succeeds when the row that refuses it is its own', async () => {
    dynamoDb.on(PutCommand).callsFake(({ Item }) => {
      throw refusedBecauseOf(Item.mark);
    });
    expect(await requests.take('event-1', someTime)).toBe(true);
  });

  it('fails when the row is of another delivery', async () => {
    dynamoDb.on(PutCommand).rejects(refusedBecauseOf('another'));
    expect(await requests.take('event-1', someTime)).toBe(false);
  });

  it('lets the row expire 48 hours later', async () => {
    dynamoDb.on(PutCommand).resolves({});
    await requests.take('event-1', someTime);
    const { Item } = dynamoDb.commandCalls(PutCommand)[0]?.args[0].input ?? {};
    expect(Item).toMatchObject({ goneAfter: Date.parse('2026-03-04T08:00:00.000Z') / 1000 });
  });
});
