/** What it costs to know who uses which key: real reports, folded by the real use-case into the real adapter. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Template } from 'aws-cdk-lib/assertions';
import { documentClient, type LedgerTable } from '../lib/aws/document-client.ts';
import { dynamoDbLedger } from '../lib/aws/dynamodb-ledger.ts';
import { dynamoDbUsageBook } from '../lib/aws/dynamodb-usage-book.ts';
import { foldUsage, type QueuedReport } from '../lib/usage/fold-usage.ts';
import { parseUsageReport } from '../lib/workflow/usage-report.ts';
import type { Cloud } from '../local/cloud.ts';
import { aCredential, aKey, someTime } from '../test/support/builders.ts';
import { aCloudTable } from '../test/support/cloud-table.ts';
import { changeOf, registrationOf } from '../test/support/commits.ts';
import { type Bill, billOf, countInvocation, countQueue } from './bill.ts';
import { cloudConfig } from './cloud-config.ts';
import { batchesOf, type EventSource, eventSourceOf } from './event-source.ts';
import { type Fleet, reportsOf, usesOf } from './fleet.ts';
import { memoryIn } from './memory.ts';
import { asSent, hottestSecond, type Meter, meterOf, requestsOf } from './meter.ts';

export interface MeteringFigures {
  readonly fleet: Fleet;
  readonly reports: number;
  readonly batches: number;
  /** For a million uses. */
  readonly bill: Bill;
  /** Write units that the busiest partition takes in its busiest second. */
  readonly hottestWritesPerSecond: number;
}

/** A report a minute and process, whatever the traffic: 1,000 uses a second of one key. */
const packed: Fleet = { instances: 10, usesPerSecond: 100, reportEvery: 60, seconds: 1000 };

/** The same traffic with a report for every 100 uses. */
const per100: Fleet = { ...packed, reportEvery: 1 };

/**
 * 50,000 uses a second of one key, with a report for every 100 of them: from as many processes as can be, each with
 * rows of its own, so that folding saves nothing.
 */
const hottest: Fleet = { instances: 5000, usesPerSecond: 10, reportEvery: 10, seconds: 10 };

export interface Metering {
  readonly packed: MeteringFigures;
  readonly per100: MeteringFigures;
  readonly hottest: MeteringFigures;
}

export async function benchMetering(cloud: Cloud, template: Template): Promise<Metering> {
  const intake = {
    source: eventSourceOf(template, fold),
    memoryGb: memoryIn(template)(fold),
  };
  return {
    packed: await metered(cloud, intake, packed),
    per100: await metered(cloud, intake, per100),
    hottest: await metered(cloud, intake, hottest),
  };
}

/** The function that takes the reports off the queue. */
const fold = 'KeyturnFoldUsage';

const key = aKey();
const used = { credentialId: key.credentialId, versionId: key.versionId, consumer: 'billing-agent' };

interface Intake {
  readonly source: EventSource;
  readonly memoryGb: number;
}

async function metered(cloud: Cloud, { source, memoryGb }: Intake, fleet: Fleet): Promise<MeteringFigures> {
  const aside = await aCloudTable(cloudConfig(cloud));
  await oneKey(aside);
  const meter = meterOf(aside);
  const client = new DynamoDBClient(cloudConfig(cloud));
  client.middlewareStack.add(meter.listen, asSent);
  const ledger = { client: documentClient(client), table: aside.table };
  const reports = await reportsOf(fleet, used, someTime);
  const batches = batchesOf(
    reports.map((sent, index) => ({ ...sent, messageId: String(index), senderId: 'AROAEXAMPLE:session' })),
    source,
  );
  await foldAll(ledger, batches, source);
  await checkCounts(aside, fleet);
  for (const batch of batches) {
    const requests = requestsOf(meter) / batches.length;
    countInvocation(meter, { begins: 'warm', slept: 0, requests, reports: batch.length, memoryGb });
    // X-Ray's default rule takes the first request of each second.
    meter.count('trace');
  }
  countQueue(meter, { messages: reports, producers: fleet.instances, seconds: fleet.seconds });
  return {
    fleet,
    reports: reports.length,
    batches: batches.length,
    bill: billOf(perMillion(meter, fleet)),
    hottestWritesPerSecond: hottestSecond(meter),
  };
}

const perMillion = ({ used: all }: Meter, fleet: Fleet): Meter['used'] =>
  new Map([...all].map(([what, amount]) => [what, (amount * 1e6) / usesOf(fleet)]));

/** A credential whose first key everybody uses. */
async function oneKey(table: LedgerTable): Promise<void> {
  const ledger = dynamoDbLedger(table);
  const credential = aCredential();
  await ledger.commit(registrationOf(credential));
  await ledger.commit(changeOf(credential, { keys: [key] }));
}

/**
 * As many batches at a time as the event source allows, so that they meet at the same rows, and each as soon as one has
 * ended: on AWS they wait for the clock as well, so no second has more writes there. The pace is kept by the real clock.
 */
async function foldAll(
  table: LedgerTable,
  batches: readonly (readonly QueuedReport[])[],
  { atOnce }: EventSource,
): Promise<void> {
  const rest = batches.values();
  const worker = async (): Promise<void> => {
    // Of its own, as each of Lambda's environments has one.
    const usageBook = dynamoDbUsageBook(table);
    const ports = { usageBook, parseReport: parseUsageReport, metrics: { count: () => {} } };
    for (const batch of rest) {
      const { failed, rejected, errors } = await foldUsage(ports, batch);
      if (failed.length + rejected.length === 0) continue;
      throw new Error(`the bench's reports do not get in: ${rejected[0]?.reason}`, { cause: errors[0] });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What was not counted would cost nothing. */
async function checkCounts(table: LedgerTable, fleet: Fleet): Promise<void> {
  const rows = await dynamoDbUsageBook(table).usage(key.credentialId, key.generation);
  const counted = rows.reduce((sum, { ok }) => sum + ok, 0);
  if (counted !== usesOf(fleet)) throw new Error(`${counted} of ${usesOf(fleet)} uses were counted`);
}
