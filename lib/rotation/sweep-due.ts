/** Sweep due: starts what the ledger says is due; the schedule calls it each minute. */
import { plus, secondsBetween } from '../usage/instant.ts';
import type { Ports } from './ports.ts';
import { startRotation } from './start-rotation.ts';

type SweepPorts = Pick<Ports, 'ledger' | 'executions' | 'clock' | 'digests' | 'invocation'>;

/** Secrets Manager takes 50 writes a second per Region, and a rotation makes a handful. */
const startsPerSecond = 5;
const startsPerSweep = 50 * startsPerSecond;

/** Seconds before the invocation's end at which it leaves the rest to the next minute. */
const margin = 10;

/**
 * Run twice, or at once, the same rotation ids come out and each execution starts once. A credential that can't be
 * started now stays due and is looked at again in a minute.
 *
 * @throws AggregateError after the last one, of what went wrong: one that can't be started holds up no other.
 */
export async function sweepDue(
  ports: SweepPorts,
): Promise<{ readonly due: number; readonly started: number }> {
  const due = await ports.ledger.due(ports.clock.now(), startsPerSweep);
  let started = 0;
  const failures: unknown[] = [];
  for (const { id } of due) {
    const begun = ports.clock.now();
    if (plus(begun, margin) > ports.invocation.deadline) break;
    try {
      const answer = await startRotation(ports, { credentialId: id, requestedBy: 'schedule' });
      if (answer.outcome === 'started') started += 1;
    } catch (error) {
      failures.push(error);
    }
    await ports.clock.sleep(Math.max(0, 1 / startsPerSecond - secondsBetween(begun, ports.clock.now())));
  }
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      `${failures.length} of ${due.length} due rotations could not be started`,
    );
  return { due: due.length, started };
}
