/** Whether a report comes from the consumer that it names, so that nobody can be silent in another's name. */
import type { KnownCredential } from './usage-book.ts';

export interface Speaker {
  /** The name to keep its rows under: the consumer's, or `<consumer>@<sender>` where it is somebody else. */
  readonly consumer: string;
  /** The sender, when it is not who may speak for the consumer. */
  readonly foreign?: string;
}

/**
 * SQS's SenderId is `AROA…:<session>` for a role, and AWS writes it, not the sender; for a user it is `AIDA…`, for the
 * account's root the account's number. What counts is the part before the colon. A consumer that declares no role has
 * no entry in `senders`, and anybody who may send to the queue speaks for it; one whose role IAM does not know is
 * spoken for by nobody.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 */
export function speakerOf(consumer: string, senderId: string, { senders }: KnownCredential): Speaker {
  const [sender = ''] = senderId.split(':', 1);
  if (!Object.hasOwn(senders, consumer) || senders[consumer] === sender) return { consumer };
  const foreign = nameOf(sender);
  return { consumer: `${consumer}@${foreign}`, foreign };
}

/** Fit to be part of a row's key, whatever SQS may call senders one day. */
const nameOf = (sender: string): string =>
  sender.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 64) || 'nobody';
