/** The sweep on twins: what it starts runs on the same timeline, as it would in Step Functions. */
import type { Executions, Ports } from '../../../lib/rotation/ports.ts';
import { type SweepCounts, sweepDue } from '../../../lib/rotation/sweep-due.ts';
import type { World } from '../world.ts';
import type { States } from './definition.ts';
import { executionOnTwins, type TwinOptions } from './on-twins.ts';
import type { Execution } from './run-machine.ts';
import { type Timeline, timelineOn } from './timeline.ts';

type Input = Parameters<Executions['start']>[1];

export interface Sweeping {
  readonly timeline: Timeline;
  /** Those that have ended, in the order of their ends. */
  readonly ended: readonly Execution[];
  /** One invocation of the sweep, for a work on the timeline. */
  sweep(): Promise<SweepCounts>;
  /** Sweeps once, and lets everything that it starts run to its end. */
  sweepAndFinish(): Promise<SweepCounts>;
}

/** Seconds that the platform gives a sweep, as the construct says. */
const timeout = 60;

export interface SweepingOptions extends Omit<TwinOptions, 'timeline' | 'afterWait'> {
  readonly afterWait?: (world: World, input: Input) => Promise<void>;
}

export function sweepingOn(
  machine: States,
  world: World,
  { afterWait = ({ report }) => report(), ...options }: SweepingOptions = {},
): Sweeping {
  const timeline = timelineOn(world.clock);
  const ended: Execution[] = [];
  const launch = (name: string, input: Input): void =>
    timeline.begin(async () => {
      const own = { ...options, timeline, afterWait: () => afterWait(world, input) };
      ended.push(await executionOnTwins(machine, world, input, own));
      world.executions.end(name);
    });
  const start: Executions['start'] = async (name, input) => {
    const isNew = !world.executions.started.some((execution) => execution.name === name);
    const outcome = await world.executions.start(name, input);
    if (isNew) launch(name, input);
    return outcome;
  };
  const sweep = (): Promise<SweepCounts> => {
    const { executions, ...rest }: Ports = world.ports({ timeout });
    return sweepDue({ ...rest, clock: timeline, executions: { ...executions, start } });
  };
  return {
    timeline,
    ended,
    sweep,
    sweepAndFinish: async () => {
      const counts: SweepCounts[] = [];
      timeline.begin(async () => void counts.push(await sweep()));
      await timeline.run();
      const [first] = counts;
      if (!first) throw new Error('the sweep has not ended');
      return first;
    },
  };
}
