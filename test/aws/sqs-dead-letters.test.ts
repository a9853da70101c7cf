/** What SQS would refuse must not keep a letter out of the queue: it would come again and again instead. */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, test } from 'vitest';
import { sqsDeadLetters } from '../../lib/aws/sqs-dead-letters.ts';
import { parseUsageReport } from '../../lib/workflow/usage-report.ts';
import { aReport } from '../usage/a-report.ts';

/** What goes to the queue for this body and reason. */
async function kept(body: string, reason: string) {
  const client = new SQSClient({ region: 'us-east-1' });
  const queue = mockClient(client);
  queue.on(SendMessageCommand).resolves({});
  await sqsDeadLetters(client, 'https://sqs/dead').keep(body, reason);
  const input = queue.commandCalls(SendMessageCommand)[0]?.args[0].input;
  return { body: input?.MessageBody, reason: input?.MessageAttributes?.['reason']?.StringValue };
}

test('a letter keeps its body and its reason as they are, in any language', async () => {
  const [body, reason] = ['{"v":2,\t"é":"鍵 🔑"}\r\n', 'v: expected 1; é 鍵 🔑 \ue000 \ufffd'];
  expect(await kept(body, reason)).toEqual({ body, reason });
});

test.each([
  ['a NUL', '\u0000'],
  ['a control character', '\u001b'],
  ['a lone high surrogate', '\ud83d'],
  ['a lone low surrogate', '\udd11'],
  ['what is no character', '\uffff'],
])('a reason that quotes %s is kept with "?" for it', async (_what, character) => {
  const body = JSON.stringify({ ...aReport(), [`a${character}b`]: 1 });
  const parsed = parseUsageReport(body);
  const reason = parsed.ok ? '' : parsed.reason;
  expect(reason).toContain(`a${character}b`);
  expect((await kept(body, reason)).reason).toBe(reason.replace(character, '?'));
});

test('a body is kept with "?" for what SQS would refuse', async () => {
  expect((await kept('{"id":"\ufffe\ud83d"}', 'no request')).body).toBe('{"id":"??"}');
});

test('a reason that is too long is cut between two characters', async () => {
  expect((await kept('{}', 'x'.repeat(2_000))).reason).toBe('x'.repeat(1_024));
  expect((await kept('{}', `${'x'.repeat(1_023)}🔑`)).reason).toBe('x'.repeat(1_023));
  expect((await kept('{}', `${'x'.repeat(1_022)}🔑🔑`)).reason).toBe(`${'x'.repeat(1_022)}🔑`);
});
