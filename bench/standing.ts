/** What an installation costs by the month although nothing rotates. */
import type { Template } from 'aws-cdk-lib/assertions';
import { credentialStatuses } from '../lib/rotation/credential.ts';
import { phases } from '../lib/rotation/rotation.ts';
import { sweepDue } from '../lib/rotation/sweep-due.ts';
import type { Cloud } from '../local/cloud.ts';
import { billOf, countInvocation } from './bill.ts';
import { aCloudWorld } from './cloud-world.ts';
import { type MemoryOf, memoryIn } from './memory.ts';
import { requestsOf } from './meter.ts';
import { perMonth, perUse, type Standing } from './prices.ts';

export interface StandingBill {
  readonly usdPerMonth: number;
  /** On top, for each credential: its secret. */
  readonly usdPerCredentialMonth: number;
  readonly lines: readonly { readonly what: string; readonly amount: number; readonly usd: number }[];
}

/** Minutes of a month as AWS reckons it: 730 hours. */
const sweepsPerMonth = 730 * 60;

/**
 * Lambda asks a queue without messages in five connections, each for up to twenty seconds, and every answer is billed.
 * AWS gives the five and no figure for the seconds; fifteen answers a minute have been seen.
 *
 * @see https://aws.amazon.com/blogs/compute/understanding-how-aws-lambda-scales-when-subscribed-to-amazon-sqs-queues/
 * @see https://github.com/getlift/lift/issues/132
 */
const pollsPerQueueMonth = 5 * (60 / 20) * 730 * 60;

/** Gauges that some sweep writes in every hour: due, unheard and the oldest key, and one per status and phase. */
const steadyMetrics = 3 + credentialStatuses.length + phases.length;

export async function standingBill(cloud: Cloud, template: Template): Promise<StandingBill> {
  const resources = (type: string): number => Object.keys(template.findResources(type)).length;
  const line = (what: Standing, amount: number) => ({ what, amount, usd: amount * perMonth[what] });
  const lines = [
    line('kmsKey', resources('AWS::KMS::Key')),
    line('metric', steadyMetrics),
    line('alarm', resources('AWS::CloudWatch::Alarm')),
    line('dashboard', resources('AWS::CloudWatch::Dashboard')),
  ];
  const sweep = await idleSweep(cloud, memoryIn(template));
  const sweeps = { what: 'sweep', amount: sweepsPerMonth, usd: sweepsPerMonth * sweep };
  const polls = pollsPerQueueMonth * resources('AWS::Lambda::EventSourceMapping');
  const polling = { what: 'poll of an empty queue', amount: polls, usd: polls * perUse.sqsRequest };
  const all = [...lines, sweeps, polling].sort((a, b) => b.usd - a.usd);
  return {
    usdPerMonth: all.reduce((sum, { usd }) => sum + usd, 0),
    usdPerCredentialMonth: perMonth.secret,
    lines: all,
  };
}

/** One sweep that finds nothing to do; the hourly survey reads the whole table and grows with it. */
async function idleSweep(cloud: Cloud, memoryOf: MemoryOf): Promise<number> {
  const start = '2026-03-02T08:30:00.000Z';
  const { twins, meter, ports, stop } = await aCloudWorld(cloud, { start });
  twins.clock.advance(-60);
  meter.reset();
  const { due } = await sweepDue(ports(60)).finally(stop);
  if (due > 0) throw new Error(`the idle sweep has found ${due} credentials due: it is no idle one`);
  countInvocation(meter, {
    begins: 'warm',
    slept: 0,
    requests: requestsOf(meter),
    memoryGb: memoryOf('KeyturnSweepDue'),
  });
  meter.count('schedule');
  // X-Ray's default rule takes the first request of each second, so it takes every sweep.
  meter.count('trace');
  return billOf(meter.used).usd;
}
