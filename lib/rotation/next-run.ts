/** The next name for an execution of a rotation: names are used once, and whoever died early has used some up. */
import { executionNameOf } from './ids.ts';
import type { Ports } from './ports.ts';

type RunPorts = Pick<Ports, 'executions'>;

/**
 * The first run from `from` on whose name no execution has had. Runs are started in order, so the search doubles its
 * steps and then halves them: a thousand dead ones cost twenty questions.
 */
export async function firstUnusedRun(ports: RunPorts, rotationId: string, from: number): Promise<number> {
  let used = from - 1;
  let step = 1;
  while (await isUsed(ports, rotationId, used + step)) {
    used += step;
    step *= 2;
  }
  let unused = used + step;
  while (unused - used > 1) {
    const middle = Math.floor((used + unused) / 2);
    if (await isUsed(ports, rotationId, middle)) used = middle;
    else unused = middle;
  }
  return unused;
}

async function isUsed({ executions }: RunPorts, rotationId: string, run: number): Promise<boolean> {
  const { status, startedAt } = await executions.state(executionNameOf(rotationId, run));
  return status === 'ended' && startedAt !== null;
}
