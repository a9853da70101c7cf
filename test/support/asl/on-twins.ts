/** One rotation, or many at a time, through the synthesized state machine on a world of twins. */
import { executionNameOf } from '../../../lib/rotation/ids.ts';
import type { RotationRef } from '../../../lib/rotation/ports.ts';
import type { Hook } from '../intercept.ts';
import type { World } from '../world.ts';
import type { States } from './definition.ts';
import { type Invocation, invokeOn } from './invoke.ts';
import { type Execution, runMachine } from './run-machine.ts';
import { type Timeline, timelineOn } from './timeline.ts';

export interface TwinOptions {
  /** The world's part of each Wait, when it is over. @default the consumer reads the current key and reports */
  readonly afterWait?: (world: World) => Promise<void>;
  /** Stands in front of the ports of each invocation. */
  readonly hookOf?: (invocation: Invocation) => Hook | undefined;
  /** @default one of its own, which runs until the execution has ended */
  readonly timeline?: Timeline;
}

/** Runs an execution beside whatever else happens on the timeline, for a work on it to await. */
export async function executionOnTwins(
  machine: States,
  world: World,
  ref: RotationRef & { readonly requestedBy?: string },
  { afterWait = ({ report }) => report(), hookOf, timeline = timelineOn(world.clock) }: TwinOptions = {},
): Promise<Execution> {
  return runMachine(machine, {
    timeline,
    execution: { name: executionNameOf(ref.rotationId, ref.run), input: { requestedBy: 'a test', ...ref } },
    invoke: invokeOn(timeline, (invocation) => {
      const hook = hookOf?.(invocation);
      return world.ports({ timeout: invocation.timeout, ...(hook && { hook }) });
    }),
    afterWait: () => afterWait(world),
    waitFor: world.executions.waitFor,
  });
}

/** Runs one execution from start to end, as long as it takes. */
export async function runOnTwins(
  machine: States,
  world: World,
  ref: RotationRef,
  options: TwinOptions = {},
): Promise<Execution> {
  const timeline = options.timeline ?? timelineOn(world.clock);
  const ended: Execution[] = [];
  timeline.begin(async () => {
    ended.push(await executionOnTwins(machine, world, ref, { ...options, timeline }));
  });
  await timeline.run();
  const [execution] = ended;
  if (!execution) throw new Error(`the execution of rotation ${ref.rotationId} has not ended`);
  return execution;
}
