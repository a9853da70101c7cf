/** How fast the usage book in DynamoDB writes: what DynamoDB would refuse, it does not send. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { documentClient } from '../../lib/aws/document-client.ts';
import { dynamoDbUsageBook } from '../../lib/aws/dynamodb-usage-book.ts';
import type { Clock } from '../../lib/rotation/ports.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import { wiredTo } from '../support/sdk-wire.ts';

const at = '2026-11-21T10:00:00.000Z';

const presenceOf = (processes: number, holds: readonly string[] = []): readonly Presence[] =>
  Array.from({ length: processes }, (_, index) => ({
    credentialId: 'npm-token',
    consumer: 'mirror',
    instance: `process-${index}`,
    seq: 1,
    windowEnd: at,
    lastSeen: at,
    leftAt: null,
    holds,
    lastUse: {},
  }));

/** A book whose writes all succeed, on a clock that stands: it notes how long each write would have waited. */
function aPacedBook() {
  const waits: number[] = [];
  const clock: Clock = { now: () => at, sleep: async (seconds) => void waits.push(seconds) };
  const client = new DynamoDBClient(wiredTo(() => ({ status: 200, body: {} })));
  return { waits, book: dynamoDbUsageBook({ client: documentClient(client), table: 'ledger' }, { clock }) };
}

test('a batch writes at most 150 rows of presence a second for one credential', async () => {
  const { waits, book } = aPacedBook();
  await book.apply({ presence: presenceOf(301), usage: [] });
  expect(waits).toHaveLength(300);
  expect(Math.max(...waits)).toBeCloseTo(300 / 150, 2);
});

test('fewer of them when processes hold many keys, since DynamoDB counts KiB', async () => {
  const { waits, book } = aPacedBook();
  const holds = Array.from({ length: 60 }, (_, index) => `version-${String(index).padStart(28, '0')}`);
  await book.apply({ presence: presenceOf(101, holds), usage: [] });
  expect(Math.max(...waits)).toBeCloseTo((3 * 100) / 150, 2);
});
