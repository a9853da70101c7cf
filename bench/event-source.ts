/** How Lambda hands a queue's messages to a function: in batches that it gathers in several connections at once. */
import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import type { Seconds } from '../lib/usage/instant.ts';

export interface EventSource {
  readonly batchSize: number;
  /** How long a batch is gathered after its first message. */
  readonly window: Seconds;
  /** How many batches the function has at a time, at most. */
  readonly atOnce: number;
}

const mapping = z.object({
  Properties: z.object({
    FunctionName: z.object({ Ref: z.string() }),
    BatchSize: z.int(),
    MaximumBatchingWindowInSeconds: z.int(),
    ScalingConfig: z.object({ MaximumConcurrency: z.int() }),
  }),
});

/** @throws Error when the function takes nothing from a queue, or not in batches. */
export function eventSourceOf(template: Pick<Template, 'findResources'>, functionName: string): EventSource {
  const all = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'));
  for (const each of all) {
    const { success, data } = mapping.safeParse(each);
    if (!success || !data.Properties.FunctionName.Ref.startsWith(functionName)) continue;
    const { BatchSize: batchSize, MaximumBatchingWindowInSeconds: window, ScalingConfig } = data.Properties;
    return { batchSize, window, atOnce: ScalingConfig.MaximumConcurrency };
  }
  throw new Error(`the stack has no batches for ${functionName}: see what changed in its event source`);
}

/** What an invocation can be given, in bytes: a batch ends before. */
const payloadLimit = 6 * 1024 * 1024;

interface Message {
  readonly body: string;
  readonly sentTimestampMs: number;
}

/**
 * No page says which of the batches that Lambda gathers at a time a message goes to: here to any, so that each has
 * messages of every process, and folding saves least.
 *
 * @param messages in the order in which they were sent.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export function batchesOf<Sent extends Message>(
  messages: readonly Sent[],
  { batchSize, window, atOnce }: EventSource,
): readonly (readonly Sent[])[] {
  const batches: Sent[][] = [];
  const open = new Map<number, { readonly batch: Sent[]; readonly endsAtMs: number; bytes: number }>();
  const connectionOf = evenly(atOnce);
  for (const message of messages) {
    const connection = connectionOf();
    const size = Buffer.byteLength(message.body);
    const current = open.get(connection);
    if (
      current &&
      current.batch.length < batchSize &&
      current.bytes + size <= payloadLimit &&
      message.sentTimestampMs <= current.endsAtMs
    ) {
      current.batch.push(message);
      current.bytes += size;
      continue;
    }
    const batch = [message];
    batches.push(batch);
    open.set(connection, { batch, endsAtMs: message.sentTimestampMs + 1000 * window, bytes: size });
  }
  return batches;
}

/** One of so many each time, as by chance but the same in every run: a linear congruential generator. */
function evenly(many: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // its high bits are the random ones
    return Math.floor((state / 2 ** 32) * many);
  };
}
