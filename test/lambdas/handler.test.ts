/** What every handler does around its use-case: parse, hand over, rethrow unchanged. */
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { failedRecords, stepHandler } from '../../lambdas/runtime/handler.ts';
import { invocation } from '../../lambdas/runtime/invocation.ts';
import { OrphanFound } from '../../lib/rotation/errors.ts';

const context = { awsRequestId: 'request-7', getRemainingTimeInMillis: () => 30_000 } as Context;
const ref = { credentialId: 'npm-token', rotationId: 'r', run: 1, requestedBy: 'schedule' };

afterEach(() => vi.restoreAllMocks());

describe('a step’s handler', () => {
  it('hands the parsed input and the ports to the use-case and returns its verdict', async () => {
    const useCase = vi.fn(async () => ({ next: 'issueKey' }));
    const connect = vi.fn(() => ({}));
    const handler = stepHandler('begin', useCase, connect);
    expect(await handler({ ...ref, later: 'field' }, context)).toEqual({ next: 'issueKey' });
    await handler(ref, context);
    expect(useCase).toHaveBeenCalledWith({}, ref);
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it('rethrows what the use-case threw, unchanged, since Step Functions routes on its name', async () => {
    const thrown = new OrphanFound('key 7 is lost');
    const handler = stepHandler(
      'begin',
      () => Promise.reject(thrown),
      () => ({}),
    );
    await expect(handler(ref, context)).rejects.toBe(thrown);
  });

  it('refuses an input that the step’s contract does not know', async () => {
    const handler = stepHandler(
      'begin',
      async () => ({}),
      () => ({}),
    );
    await expect(handler({ credentialId: 'npm-token' }, context)).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringContaining('rotationId'),
    });
  });

  it('lets the ports know which invocation runs and when it is killed', async () => {
    const handler = stepHandler(
      'begin',
      async () => ({ ...invocation }),
      () => ({}),
    );
    const verdict = await handler(ref, context);
    expect(verdict).toMatchObject({ requestId: 'request-7' });
    expect(Date.parse(invocation.deadline) - Date.now()).toBeGreaterThan(20_000);
  });
});

describe('a batch', () => {
  it('sends back only the records that failed', async () => {
    const records = ['a', 'b', 'c'].map((messageId) => ({ messageId }) as SQSRecord);
    const failing = async ({ messageId }: SQSRecord) => {
      if (messageId === 'b') throw new Error('throttled');
    };
    expect(await failedRecords(records, failing)).toEqual({ batchItemFailures: [{ itemIdentifier: 'b' }] });
  });
});
