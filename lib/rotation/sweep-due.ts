/** Sweep due: resumes what was left lying and starts what is due; the schedule calls it each minute. */
import { plus, secondsBetween } from '../usage/instant.ts';
import { changeCredential } from './change-credential.ts';
import type { Credential } from './credential.ts';
import { mayChangeAt } from './due.ts';
import { LedgerChanged } from './errors.ts';
import { findMissingSenders } from './find-missing-senders.ts';
import type { Ports } from './ports.ts';
import { resumeRotation } from './resume-rotation.ts';
import { startRotation } from './start-rotation.ts';
import { survey } from './survey.ts';

type SweepPorts = Pick<
  Ports,
  'ledger' | 'executions' | 'roles' | 'clock' | 'digests' | 'invocation' | 'metrics'
>;

/** Secrets Manager takes 50 writes a second per Region, and a rotation makes a handful. */
const startsPerSecond = 5;
const startsPerSweep = 50 * startsPerSecond;

/** Seconds before the invocation's end at which it leaves the rest to the next minute. */
const margin = 10;

export interface SweepCounts {
  readonly due: number;
  readonly started: number;
  readonly unheard: number;
  readonly resumed: number;
}

/**
 * 1. Rotations that were not heard of in time: the next run is started, if their execution is dead.
 * 2. Credentials whose time has come: their rotation is started, or put off until their window opens.
 * 3. Once an hour: how many there are of each kind; and last, since nothing waits for it, IAM is asked for roles that it
 * did not know before.
 *
 * Run twice, or at once, the same rotation ids come out and each execution starts once. A credential that can't be
 * started now stays due and is looked at again in a minute.
 *
 * @throws AggregateError after the last one, of what went wrong: one that can't be started holds up no other.
 */
export async function sweepDue(ports: SweepPorts): Promise<SweepCounts> {
  const now = ports.clock.now();
  const unheard = await ports.ledger.overdue(now, startsPerSweep);
  const due = await ports.ledger.due(now, startsPerSweep);
  ports.metrics.gauge('RotationsUnheard', unheard.length);
  ports.metrics.gauge('CredentialsDue', due.length);
  const failures: unknown[] = [];
  const hourly: unknown[] = [];
  const credentials = await survey(ports, now).catch((error: unknown) => {
    hourly.push(error);
    return [];
  });
  const resumed = await inTurn(ports, unheard, failures, async (rotation) => {
    return (await resumeRotation(ports, rotation)).outcome === 'resumed';
  });
  const started = await inTurn(ports, due, failures, (credential) => start(ports, credential));
  await findMissingSenders(ports, credentials).catch((error: unknown) => hourly.push(error));
  if (failures.length + hourly.length > 0) {
    throw new AggregateError(
      [...failures, ...hourly],
      inWords(failures.length, unheard.length + due.length, hourly),
    );
  }
  return { due: due.length, started, unheard: unheard.length, resumed };
}

function inWords(failed: number, of: number, hourly: readonly unknown[]): string {
  const rotations = failed > 0 ? [`${failed} of ${of} rotations could not be resumed or started`] : [];
  const rest = hourly.map((error) => (error instanceof Error ? error.message : String(error)));
  return [...rotations, ...rest].join('; ');
}

async function start(ports: SweepPorts, credential: Credential): Promise<boolean> {
  const opens = mayChangeAt(credential, ports.clock.now());
  if (opens > ports.clock.now()) {
    await putOff(ports, credential, opens);
    return false;
  }
  const request = { credentialId: credential.id, requestedBy: 'schedule' };
  return (await startRotation(ports, request)).outcome === 'started';
}

/** Out of the way of those that can start: many with a closed window would else fill every sweep. */
async function putOff(ports: SweepPorts, credential: Credential, dueAt: string): Promise<void> {
  try {
    await changeCredential(ports, credential, { actor: 'schedule', what: 'putOff', fields: { dueAt } });
  } catch (error) {
    // Somebody has changed it since: whatever is due then is seen in a minute.
    if (!(error instanceof LedgerChanged)) throw error;
  }
}

/** One after the other at the rate that the store takes. @returns how many `work` has said yes to. */
async function inTurn<T>(
  { clock, invocation }: SweepPorts,
  all: readonly T[],
  failures: unknown[],
  work: (one: T) => Promise<boolean>,
): Promise<number> {
  let done = 0;
  for (const one of all) {
    const begun = clock.now();
    if (plus(begun, margin) > invocation.deadline) break;
    try {
      if (await work(one)) done += 1;
    } catch (error) {
      failures.push(error);
    }
    await clock.sleep(Math.max(0, 1 / startsPerSecond - secondsBetween(begun, clock.now())));
  }
  return done;
}
