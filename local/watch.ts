/** Follows a rotation to its end and shows it: each state as it is entered, each verdict, and the consumers below. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { graceFacts, type Rotation } from '../lib/rotation/rotation.ts';
import type { DrainVerdict } from '../lib/usage/drain.ts';
import { type Execution, readExecution } from './execution-history.ts';
import type { View } from './view.ts';
import { pause } from './wait-until.ts';
import type { Run, World } from './world.ts';

export interface Watched {
  readonly rotation: Rotation;
  readonly execution: Execution;
  /** What each look has found, by its number: 1 for the first. */
  readonly verdicts: ReadonlyMap<number, DrainVerdict>;
}

const lookEverySeconds = 0.4;
/** Twice the example's longest grace. */
const patienceMs = 10 * 60_000;

/**
 * @param each goes on with the demo's own part, with the rotation as it is now
 * @throws Error when neither the execution nor its rotation ends.
 */
export async function watchRotation(
  { view, signal }: Pick<Run, 'view' | 'signal'>,
  world: Pick<World, 'stack' | 'executions' | 'example'>,
  each: (rotation: Rotation | undefined) => Promise<void>,
  rotationId: string,
): Promise<Watched> {
  const deadline = Date.now() + patienceMs;
  const show = rotationView(view);
  const verdicts = new Map<number, DrainVerdict>();
  while (Date.now() < deadline) {
    const execution = await readExecution(world.executions, rotationId);
    const rotation = (await world.stack.ledger.load(world.example.credentialId, rotationId))?.rotation;
    show(execution, rotation);
    note(verdicts, rotation);
    await each(rotation);
    if (execution && rotation && execution.status !== 'RUNNING')
      return ended(view, { rotation, execution, verdicts });
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

/** The first that is read counts: the row has the next verdict a moment before it has the look's number. */
function note(verdicts: Map<number, DrainVerdict>, rotation: Rotation | undefined): void {
  const { checks, verdict } = (rotation && graceFacts(rotation)) ?? { checks: 0, verdict: null };
  if (verdict && checks > 0 && !verdicts.has(checks)) verdicts.set(checks, verdict);
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
      const { outcome, reason, heldBy } = facts.verdict;
      view.say(`           ${outcome}: ${reason}`);
      if (heldBy.length > 0) view.say(`           the revoke waits for ${heldBy.join(', ')}`);
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
