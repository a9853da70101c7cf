/** Takes usage reports off the queue into the ledger; what can't be read goes to the dead letters with its reason. */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { foldUsage } from '../lib/usage/fold-usage.ts';
import { parseUsageReport } from '../lib/workflow/usage-report.ts';
import { withDeadLetters, withUsageIntake } from './runtime/connect.ts';
import { logger, metrics } from './runtime/telemetry.ts';

const { deadLetters } = withDeadLetters();
const ports = { ...withUsageIntake(), parseReport: parseUsageReport, metrics };

export const handler = async ({ Records }: SQSEvent): Promise<SQSBatchResponse> => {
  const queued = Records.map(({ messageId, body, attributes }) => ({
    messageId,
    body,
    senderId: attributes.SenderId,
    sentTimestampMs: Number(attributes.SentTimestamp),
  }));
  const { failed, rejected, errors } = await foldUsage(ports, queued);
  const bodies = new Map(queued.map(({ messageId, body }) => [messageId, body]));
  // What cannot be kept now comes again too, and its counts are not counted twice.
  const unkept = await Promise.all(
    rejected.map(({ messageId, reason }) =>
      deadLetters.keep(bodies.get(messageId) ?? '', reason).then(
        () => [],
        (error: unknown) => [{ messageId, error }],
      ),
    ),
  );
  for (const error of [...errors, ...unkept.flat().map(({ error }) => error)])
    logger.warn('reports fail', error instanceof Error ? error : new Error(String(error)));
  const again = [...failed, ...unkept.flat().map(({ messageId }) => messageId)];
  return { batchItemFailures: again.map((itemIdentifier) => ({ itemIdentifier })) };
};
