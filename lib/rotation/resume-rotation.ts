/** Resume rotation: gives a rotation whose execution has died to a new one, which goes on where it was. */
import { type Instant, plus, type Seconds, secondsBetween } from '../usage/instant.ts';
import { Superseded } from './errors.ts';
import { executionNameOf } from './ids.ts';
import { firstUnusedRun } from './next-run.ts';
import type { Ports } from './ports.ts';
import type { Rotation } from './rotation.ts';

type ResumePorts = Pick<Ports, 'ledger' | 'executions' | 'clock' | 'metrics'>;

export type Resumption =
  | { readonly outcome: 'resumed'; readonly run: number }
  /** Its execution is at work, or somebody else has just resumed it. */
  | { readonly outcome: 'runs' };

/** An execution may hold 25,000 events and lives a year at most; long before that it hands over. */
const oldestExecution: Seconds = 60 * 86_400;

/** A living execution that sleeps longer than was foreseen is looked at again after this long. */
const lookAgainAfter: Seconds = 300;

/** Runs in a row that may come to nothing until a person should look. */
const resumesUntilStuck = 3;

/**
 * Starts the rotation's next run, unless the present one is alive and younger than 60 days; where consumers may be cut
 * off, in any case. Begin takes the rotation
 * over by bumping `run`; whatever the former one still does is refused. Each further resumption that brings nothing
 * waits twice as long, from a minute to an hour, and from the third on `RotationStuck` is counted.
 *
 * Run twice, or at once, the same execution name comes out, which starts once.
 */
export async function resumeRotation(ports: ResumePorts, rotation: Rotation): Promise<Resumption> {
  try {
    return await resume(ports, rotation);
  } catch (error) {
    if (error instanceof Superseded) return { outcome: 'runs' };
    throw error;
  }
}

async function resume(ports: ResumePorts, rotation: Rotation): Promise<Resumption> {
  const { executions, ledger, clock } = ports;
  const { rotationId, run } = rotation;
  const now = clock.now();
  const { status, startedAt } = await executions.state(executionNameOf(rotationId, run));
  if (status === 'runs' && !isTooOld(startedAt, now) && !isUrgent(rotation)) {
    // It sleeps longer than anybody foresaw, or waits for a retry: looked at again later.
    await ledger.note(rotation, { expectedBy: plus(now, lookAgainAfter) });
    return { outcome: 'runs' };
  }
  const resumes = rotation.resumes + 1;
  await ledger.note(rotation, { resumes, expectedBy: plus(now, backOff(resumes)) });
  if (resumes >= resumesUntilStuck)
    ports.metrics.count('RotationStuck', { credential: rotation.credentialId });
  return { outcome: 'resumed', run: await startNextRun(ports, rotation) };
}

/** Begin takes the rotation over by bumping its run; what the former run still does is refused. @returns the run. */
export async function startNextRun(ports: Pick<Ports, 'executions'>, rotation: Rotation): Promise<number> {
  const { credentialId, rotationId, requestedBy } = rotation;
  const run = await firstUnusedRun(ports, rotationId, rotation.run + 1);
  await ports.executions.start(executionNameOf(rotationId, run), {
    credentialId,
    rotationId,
    run,
    requestedBy,
  });
  return run;
}

/**
 * Consumers may be cut off, or an owner has pulled the brake: an execution that is late is not waited for. Should it be at
 * work all the same, it is superseded; and the third time somebody hears of it.
 */
const isUrgent = ({ phase }: Rotation): boolean =>
  phase === 'rolling-back' || phase === 'disabling' || phase === 'enabling';

const isTooOld = (startedAt: Instant | null, now: Instant): boolean =>
  startedAt !== null && secondsBetween(startedAt, now) > oldestExecution;

const backOff = (resumes: number): Seconds => Math.min(60 * 2 ** (resumes - 1), 3600);
