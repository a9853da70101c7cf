/** The dead-letter queue as a port: what nobody could act on is kept there, with the reason beside it. */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetters } from '../rotation/ports.ts';

/** SQS takes attributes of up to 256 KiB together with the body; a reason is a sentence. */
const longestReason = 1024;

export const sqsDeadLetters = (client: SQSClient, queueUrl: string): DeadLetters => ({
  keep: async (body, reason) => {
    const attribute = { DataType: 'String', StringValue: accepted(cut(reason)) };
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: accepted(body),
        MessageAttributes: { reason: attribute },
      }),
    );
  },
});

/**
 * A reason quotes what a stranger has sent, and SQS refuses a whole message for one character that XML 1.0 lacks: then
 * the letter would come again and again instead of being kept.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
const accepted = (text: string): string =>
  text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '?');

/** Without the half of a character that the cut would leave. */
const cut = (reason: string): string => reason.slice(0, longestReason).replace(/[\ud800-\udbff]$/, '');
