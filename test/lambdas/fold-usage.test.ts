/** What the function that folds reports answers to SQS: which messages are to come again. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { aReport } from '../usage/a-report.ts';

const sqs = mockClient(SQSClient);
const ledger = mockClient(DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' })));

/** It reads its environment when it is loaded, as Lambda loads it. */
const handler = async () => (await import('../../lambdas/fold-usage.ts')).handler;

beforeAll(() => {
  vi.stubEnv('KEYTURN_TABLE', 'ledger');
  vi.stubEnv('KEYTURN_STACK', 'keyturn');
  vi.stubEnv('KEYTURN_USAGE_KEPT_DAYS', '30');
  vi.stubEnv('KEYTURN_DEAD_LETTER_QUEUE_URL', 'https://sqs.us-east-1.amazonaws.com/123456789012/dead');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true');
});
afterAll(() => void vi.unstubAllEnvs());
beforeEach(() => {
  sqs.reset();
  ledger.reset();
});

const batch = (...bodies: readonly string[]): SQSEvent => ({
  Records: bodies.map(
    (body, index) =>
      ({
        messageId: `message-${index}`,
        body,
        attributes: { SenderId: 'AROAMIRROR:session', SentTimestamp: '1795171380000' },
      }) as SQSRecord,
  ),
});

test('a bad message is kept with its reason and does not come again', async () => {
  sqs.on(SendMessageCommand).resolves({});
  expect(await (await handler())(batch('{'))).toEqual({ batchItemFailures: [] });
  expect(sqs.commandCalls(SendMessageCommand)[0]?.args[0].input).toMatchObject({
    MessageBody: '{',
    MessageAttributes: { reason: { StringValue: expect.stringContaining('not a usage report') } },
  });
});

test('a bad message that cannot be kept comes again, and alone', async () => {
  sqs.on(SendMessageCommand).rejectsOnce(new Error('throttled')).resolves({});
  expect(await (await handler())(batch('{', '['))).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }],
  });
});

test('a report comes again when the ledger cannot be read, and is no dead letter', async () => {
  ledger.on(QueryCommand).rejects(new Error('throttled'));
  expect(await (await handler())(batch(JSON.stringify(aReport())))).toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }],
  });
  expect(sqs.calls()).toHaveLength(0);
});
