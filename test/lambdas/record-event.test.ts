/** What becomes of an event that the rule hands over. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const s3 = mockClient(S3Client);
const event = {
  id: 'event-1',
  source: 'keyturn',
  'detail-type': 'Key Promoted',
  time: '2026-01-02T03:04:05Z',
  detail: { schemaVersion: 1, credential: 'npm-token', auditSeq: 4, auditHash: '5'.repeat(64) },
};

/** It reads its environment when it is loaded, as Lambda loads it. */
const handler = async () => (await import('../../lambdas/record-event.ts')).handler;

beforeAll(() => {
  vi.stubEnv('KEYTURN_AUDIT_BUCKET', 'anchor');
  vi.stubEnv('AWS_REGION', 'us-east-1');
});
afterAll(() => void vi.unstubAllEnvs());
beforeEach(() => s3.reset());

test('a change is anchored in the bucket of the environment', async () => {
  s3.on(PutObjectCommand).resolves({});
  await (await handler())(event);
  expect(s3.commandCalls(PutObjectCommand)[0]?.args[0].input).toMatchObject({
    Bucket: 'anchor',
    Key: 'audit/npm-token/000000000004.json',
  });
});

test('an event that is no change of keyturn’s fails, so that it is kept with the reason', async () => {
  await expect((await handler())({ ...event, source: 'somebody' })).rejects.toThrow('cannot be anchored');
  expect(s3.calls()).toHaveLength(0);
});
