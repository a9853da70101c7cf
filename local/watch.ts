/** Follows a rotation to its end and shows it: each state as it is entered, each verdict, and the consumers below. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { graceFacts, type Rotation } from '../lib/rotation/rotation.ts';
import { type Execution, readExecution } from './execution-history.ts';
import type { View } from './view.ts';
import { pause } from './wait-until.ts';
import type { Run, World } from './world.ts';

export interface Watched {
  readonly rotation: Rotation;
  readonly execution: Execution;
}

const lookEverySeconds = 0.4;
/** Three extensions of the example's grace, and time for the rest. */
const patienceMs = 10 * 60_000;

/** @throws Error when the execution ends before its rotation, or neither ends. */
export async function watchRotation(
  { view, signal }: Pick<Run, 'view' | 'signal'>,
  world: Pick<World, 'stack' | 'executions' | 'example'>,
  showConsumers: () => void,
  rotationId: string,
): Promise<Watched> {
  const deadline = Date.now() + patienceMs;
  const show = rotationView(view);
  while (Date.now() < deadline) {
    const execution = await readExecution(world.executions, rotationId);
    const rotation = (await world.stack.ledger.load(world.example.credentialId, rotationId))?.rotation;
    show(execution, rotation);
    showConsumers();
    if (execution && rotation && execution.status !== 'RUNNING') return ended(view, { rotation, execution });
    await pause(lookEverySeconds, signal);
  }
  throw new Error(`rotation ${rotationId} did not end within ${patienceMs / 60_000} minutes`);
}

/** A rotation whose execution failed is reported as it is: its phase tells how far it came. */
function ended(view: View, watched: Watched): Watched {
  const { status, failure } = watched.execution;
  if (failure) view.say(`  the execution ended ${status}: ${failure}`);
  return watched;
}

function rotationView(view: View) {
  let shown = 0;
  let checks = 0;
  const served = new Set<string>();
  return (execution: Execution | undefined, rotation: Rotation | undefined): void => {
    const history = execution?.history ?? [];
    for (const line of history.slice(shown).flatMap((event) => lineOf(event, history[0]))) view.say(line);
    shown = history.length;
    const facts = rotation && graceFacts(rotation);
    // The local cloud's history leaves out what happens inside a Map.
    for (const [target, { done }] of Object.entries(facts?.deployments ?? {})) {
      if (done && !served.has(target)) view.say(`           target ${target} has the new key`);
      if (done) served.add(target);
    }
    if (facts?.verdict && facts.checks > checks) {
      view.say(`           ${facts.verdict.outcome}: ${facts.verdict.reason}`);
      checks = facts.checks;
    }
  };
}

/** Choices and ends are entered too, but pass in no time. */
function lineOf(event: HistoryEvent, first: HistoryEvent | undefined): readonly string[] {
  if (event.type !== 'TaskStateEntered' && event.type !== 'WaitStateEntered') return [];
  const ms = (event.timestamp?.getTime() ?? 0) - (first?.timestamp?.getTime() ?? 0);
  return [`  ${`+${(ms / 1000).toFixed(1)} s`.padEnd(8)} ${event.stateEnteredEventDetails?.name}`];
}
