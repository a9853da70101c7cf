/** The dead-letter queue as a port: what nobody could act on is kept there, with the reason beside it. */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetters } from '../rotation/ports.ts';

/** SQS takes attributes of up to 256 KiB together with the body; a reason is a sentence. */
const longestReason = 1024;

export const sqsDeadLetters = (client: SQSClient, queueUrl: string): DeadLetters => ({
  keep: async (body, reason) => {
    const attribute = { DataType: 'String', StringValue: reason.slice(0, longestReason) };
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: body,
        MessageAttributes: { reason: attribute },
      }),
    );
  },
});
