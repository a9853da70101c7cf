/** What a rotation's uses cost, and the few of them that cannot be counted but must be assumed. */
import type { Seconds } from '../lib/usage/instant.ts';
import type { History } from '../test/support/asl/history.ts';
import type { MemoryOf } from './memory.ts';
import type { Meter } from './meter.ts';
import { perUse, type Usage } from './prices.ts';

/**
 * Assumed, each on the high side. A rotation's steps are minutes and hours apart, so every invocation starts cold;
 * Lambda bills the start.
 */
export const assumed = {
  /** GB of a function that starts and computes as fast as this says; with less it takes longer in proportion. */
  memoryGb: 0.25,
  /** Seconds: a cold start of a bundle of this size, and what a handler computes. */
  coldStart: 0.6,
  /** Seconds: what a handler computes when it has started before. */
  warmStart: 0.05,
  /** Seconds: what a handler computes for one report of a batch. */
  report: 0.002,
  /** Seconds from a request to AWS to its answer, connections included. */
  request: 0.02,
  /** Seconds from a request to the issuer to its answer: a vendor's API, by TLS, over the internet. */
  issuerCall: 0.3,
  /** Bytes of log of one invocation that Lambda writes by itself: four lines, with what CloudWatch adds to each. */
  platformLog: 700,
  /** Bytes of log of one invocation that the handler writes: two lines and a number. A test keeps them below this. */
  handlerLog: 1_300,
  /**
   * Bytes of log of one event of an execution, at level ALL without execution data: its ids, its ARN, its kind.
   * @see https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
   */
  historyLog: 450,
  /**
   * KMS requests of one invocation beside the secrets' and the queue's: the table's key, which DynamoDB keeps for five
   * minutes per caller, or the audit bucket's. The environment is encrypted with a key that AWS charges nothing for.
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
   * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
   */
  invocationKms: 1,
} as const;

export interface Invoked {
  readonly begins: 'cold' | 'warm';
  /** On the clock, for an issuer's lag. */
  readonly slept: Seconds;
  /** To AWS. */
  readonly requests: number;
  /** To the issuer. @default 0 */
  readonly issuerCalls?: number;
  /** Usage reports that it reads. @default 0 */
  readonly reports?: number;
  readonly memoryGb: number;
}

/** Counts one call of a function: what it computes, what it slept and what its requests and calls take. */
export function countInvocation({ count }: Pick<Meter, 'count'>, invoked: Invoked): void {
  const { begins, slept, requests, issuerCalls = 0, reports = 0, memoryGb } = invoked;
  const start = begins === 'cold' ? assumed.coldStart : assumed.warmStart;
  const computes = ((start + reports * assumed.report) * assumed.memoryGb) / memoryGb;
  const waits = slept + requests * assumed.request + issuerCalls * assumed.issuerCall;
  count('lambdaRequest');
  count('lambdaGbSecond', (computes + waits) * memoryGb);
  count('logGb', (assumed.platformLog + assumed.handlerLog) / 1e9);
  count('kmsRequest', assumed.invocationKms);
}

/** Counts what becomes of each event on the bus: record-event writes it to the audit bucket. */
export function countAnchors(meter: Meter, memoryOf: MemoryOf): void {
  const events = meter.used.get('busEvent') ?? 0;
  const memoryGb = memoryOf('KeyturnRecordEvent');
  for (let event = 0; event < events; event += 1) {
    countInvocation(meter, { begins: 'cold', slept: 0, requests: 1, memoryGb });
    meter.count('s3Put');
    meter.count('trace');
  }
}

/** Counts the execution itself. */
export function countMachine({ count }: Pick<Meter, 'count'>, { transitions, events }: History): void {
  count('transition', transitions);
  count('logGb', (events.length * assumed.historyLog) / 1e9);
  count('trace');
}

export interface Queued {
  readonly messages: readonly { readonly body: string }[];
  /** Who sends, as the queue tells senders apart. */
  readonly producers: number;
  /** From the first message to the last. */
  readonly seconds: Seconds;
}

/**
 * Counts what messages on the encrypted queue cost: each is sent, received and deleted, here in requests of its own,
 * and each 64 KiB of it is a request. The queue takes two data keys for each producer and one for its consumer, and
 * uses them for five minutes.
 *
 * @see https://aws.amazon.com/sqs/pricing/
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 */
export function countQueue({ count }: Pick<Meter, 'count'>, { messages, producers, seconds }: Queued): void {
  for (const { body } of messages) count('sqsRequest', 3 * Math.ceil(Buffer.byteLength(body) / 65_536));
  count('kmsRequest', Math.ceil(seconds / 300) * (2 * producers + 1));
}

export interface Bill {
  readonly usd: number;
  /** What was used, and what that costs; dearest first. */
  readonly lines: readonly { readonly what: Usage; readonly amount: number; readonly usd: number }[];
}

export function billOf(used: ReadonlyMap<Usage, number>): Bill {
  const lines = [...used].map(([what, amount]) => ({ what, amount, usd: amount * perUse[what] }));
  return {
    usd: lines.reduce((sum, { usd }) => sum + usd, 0),
    lines: lines.sort((a, b) => b.usd - a.usd),
  };
}
