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
const assumed = {
  /** Seconds: a cold start of a bundle of this size at this memory, and what a handler computes. */
  coldStart: 0.6,
  /** Seconds: what a handler computes when it has started before. */
  warmStart: 0.05,
  /** Seconds from a request to AWS to its answer, connections included. */
  request: 0.02,
  /** Seconds from a request to the issuer to its answer: a vendor's API, by TLS, over the internet. */
  issuerCall: 0.3,
  /** Bytes of log of one invocation: Lambda's three lines, ours and the metrics'. */
  invocationLog: 3_000,
  /** Bytes of log of one event of an execution, at level ALL without execution data. */
  historyLog: 600,
  /**
   * KMS requests of one invocation beside the secrets': the table's key, which DynamoDB keeps for five minutes per
   * caller, and the environment's.
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
   */
  invocationKms: 2,
} as const;

export interface Invoked {
  readonly begins: 'cold' | 'warm';
  /** On the clock, for an issuer's lag. */
  readonly slept: Seconds;
  /** To AWS. */
  readonly requests: number;
  /** To the issuer. @default 0 */
  readonly issuerCalls?: number;
  readonly memoryGb: number;
}

/** Counts one call of a function: its start, what it slept and what its requests and calls take. */
export function countInvocation({ count }: Pick<Meter, 'count'>, invoked: Invoked): void {
  const { begins, slept, requests, issuerCalls = 0, memoryGb } = invoked;
  const start = begins === 'cold' ? assumed.coldStart : assumed.warmStart;
  const seconds = start + slept + requests * assumed.request + issuerCalls * assumed.issuerCall;
  count('lambdaRequest');
  count('lambdaGbSecond', seconds * memoryGb);
  count('logGb', assumed.invocationLog / 1e9);
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
