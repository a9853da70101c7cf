/** Takes usage reports off the queue into the ledger; what can't be read goes to the dead letters with its reason. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { foldUsage } from '../lib/usage/fold-usage.ts';
import { parseUsageReport } from '../lib/workflow/usage-report.ts';
import { withDeadLetters, withUsage } from './runtime/connect.ts';
import { logger, metrics } from './runtime/telemetry.ts';

const { usage } = withUsage();
const { deadLetters } = withDeadLetters();
const ports = { usageBook: usage, parseReport: parseUsageReport, metrics };

export const handler = async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
  const queued = Records.map(({ messageId, body, attributes }) => ({
    messageId,
    body,
    sentTimestampMs: Number(attributes.SentTimestamp),
  }));
  const { failed, rejected, errors } = await foldUsage(ports, queued);
  for (const error of errors)
    logger.warn('reports fail', error instanceof Error ? error : new Error(String(error)));
  for (const { messageId, reason } of rejected) {
    const body = queued.find((message) => message.messageId === messageId)?.body ?? '';
    await deadLetters.keep(body, reason);
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
};
