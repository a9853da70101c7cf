/** The reports of a fleet of processes that use one key: made by the client library itself, on a clock that jumps. */
import { mock } from 'node:test';
import { reporter } from '../lib/client/reporter.ts';
import { usageLog } from '../lib/client/usage-log.ts';
import type { Instant, Seconds } from '../lib/usage/instant.ts';

export interface Fleet {
  /** Processes, each with a client of its own. */
  readonly instances: number;
  /** Of each process. */
  readonly usesPerSecond: number;
  readonly reportEvery: Seconds;
  /** How long it runs. */
  readonly seconds: Seconds;
}

export interface UsedKey {
  readonly credentialId: string;
  readonly versionId: string;
  readonly consumer: string;
}

/** A message as the queue has it. */
export interface Sent {
  readonly body: string;
  readonly sentTimestampMs: number;
}

export const usesOf = ({ instances, usesPerSecond, seconds }: Fleet): number =>
  instances * usesPerSecond * seconds;

/**
 * Every report of the whole run, in the order in which the queue takes them. The processes have started one after the
 * other, evenly over one `reportEvery`, so that their reports do not come all at once.
 */
export async function reportsOf(fleet: Fleet, key: UsedKey, from: Instant): Promise<readonly Sent[]> {
  mock.timers.enable({ apis: ['Date'], now: Date.parse(from) });
  try {
    const sent: Sent[] = [];
    for (let index = 0; index < fleet.instances; index += 1) {
      const startsAt = Date.parse(from) + (1000 * fleet.reportEvery * index) / fleet.instances;
      sent.push(...(await reportsOfOne(fleet, key, Math.floor(startsAt))));
    }
    return sent.sort((a, b) => a.sentTimestampMs - b.sentTimestampMs);
  } finally {
    mock.timers.reset();
  }
}

/** Its uses come at full seconds of its own; it reports what it has counted, and says goodbye at the end. */
async function reportsOfOne(fleet: Fleet, key: UsedKey, startsAtMs: number): Promise<readonly Sent[]> {
  const { credentialId, versionId, consumer } = key;
  const sent: Sent[] = [];
  mock.timers.setTime(startsAtMs);
  const log = usageLog();
  const reports = reporter({
    consumer,
    queueUrl: 'https://queue.example',
    sqs: {
      send: async ({ input }: { readonly input: { readonly MessageBody?: string } }) => {
        sent.push({ body: input.MessageBody ?? '', sentTimestampMs: Date.now() });
        return {};
      },
    },
    reportEvery: 0,
    log,
    present: () => ({ credentials: [credentialId], holds: [versionId] }),
    onError: (error) => {
      throw error;
    },
  });
  for (let second = 1; second <= fleet.seconds; second += 1) {
    mock.timers.setTime(startsAtMs + 1000 * second);
    for (let use = 0; use < fleet.usesPerSecond; use += 1) log.record(credentialId, versionId, 'accepted');
    const isLast = second === fleet.seconds;
    if (isLast) await reports.leave();
    else if (second % fleet.reportEvery === 0) await reports.flush();
  }
  return sent;
}
