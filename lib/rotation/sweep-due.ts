/** Sweep due: starts what the ledger says is due; the schedule calls it each minute. */
import type { Ports } from './ports.ts';
import { startRotation } from './start-rotation.ts';

type SweepPorts = Pick<Ports, 'ledger' | 'executions' | 'clock' | 'digests' | 'metrics'>;

/** Five starts a second for 50 seconds of each minute: Secrets Manager takes 50 writes a second per Region. */
const startsPerSecond = 5;
const startsPerSweep = 50 * startsPerSecond;

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
    try {
      const answer = await startRotation(ports, { credentialId: id, requestedBy: 'schedule' });
      if (answer.outcome === 'started') started += 1;
    } catch (error) {
      failures.push(error);
    }
    await ports.clock.sleep(1 / startsPerSecond);
  }
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      `${failures.length} of ${due.length} due rotations could not be started`,
    );
  return { due: due.length, started };
}
