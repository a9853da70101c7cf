/** Lets one invocation of a step die at one of its port calls, in each way that a call can end badly. */
import type { StepName } from '../../lib/workflow/steps.ts';
import { callName, type Hook } from '../support/intercept.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { Scenario } from './scenarios.ts';

/** The process is gone: nothing after this has an effect, `finally` blocks included. */
export class Died extends Error {
  override readonly name = 'Died';
}

/** The call has failed, or nobody knows; the process lives on. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

export const deaths = ['dies before', 'dies after', 'gets no answer from', 'cannot reach'] as const;
export type Death = (typeof deaths)[number];

/** One port call of one invocation. */
export interface Point {
  readonly step: StepName;
  /** Which invocation of this step it is: 1 for the first. */
  readonly invocation: number;
  /** Which call of the invocation it is: 0 for the first. */
  readonly index: number;
  readonly call: string;
  /** Which call of this name it is within the invocation: 1 for the first. */
  readonly nth: number;
}

export type HookOf = (step: StepName) => Hook;

/** One run of a step within a workflow. */
export type StepRun = Pick<Point, 'step' | 'invocation'>;

/** What a scenario does when nothing dies. */
export interface Course {
  /** Every port call. */
  readonly points: readonly Point[];
  /** The runs of steps that succeeded. */
  readonly successes: readonly StepRun[];
}

export async function courseOf(scenario: Scenario): Promise<Course> {
  const points: Point[] = [];
  const successes: StepRun[] = [];
  const { world, ref, meanwhile } = await scenario.stage();
  const hookOf = eachCall(async (point, effect) => {
    points.push(point);
    return effect();
  });
  await runWorkflow(world, ref, {
    meanwhile,
    hookOf,
    onSuccess: async (step) => {
      successes.push({ step, invocation: points.findLast((point) => point.step === step)?.invocation ?? 1 });
    },
  });
  return { points, successes };
}

/** Hooks under which exactly the call at `at` ends that way, once. */
export function dying(at: Point, death: Death): HookOf {
  return eachCall(async (point, effect, die) => {
    const here = point.step === at.step && point.invocation === at.invocation && point.index === at.index;
    return here ? endBadly(death, point.call, effect, die) : effect();
  });
}

/** Hooks under which somebody else changes something just before the call at `at`. */
export function changedAt(at: Point, change: () => Promise<unknown>): HookOf {
  return eachCall(async (point, effect) => {
    if (point.step === at.step && point.invocation === at.invocation && point.index === at.index)
      await change();
    return effect();
  });
}

/** Hooks under which any call may end in any of these ways, drawn from `seed`, until `times` have. */
export function dyingAgainAndAgain(seed: number, times: number): HookOf {
  const draw = drawFrom(seed);
  let left = times;
  return eachCall(async ({ call }, effect, die) => {
    if (left === 0 || draw(8) !== 0) return effect();
    left -= 1;
    return endBadly(deaths[draw(deaths.length)] ?? 'dies before', call, effect, die);
  });
}

async function endBadly(
  death: Death,
  call: string,
  effect: () => Promise<unknown>,
  die: () => Died,
): Promise<never> {
  if (death === 'dies after' || death === 'gets no answer from') await effect();
  if (death === 'dies before' || death === 'dies after') throw die();
  throw new NoAnswer(`${call} did not answer`);
}

/** Whole numbers below `limit`, the same ones for the same seed. */
function drawFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

type OnCall = (point: Point, effect: () => Promise<unknown>, die: () => Died) => Promise<unknown>;

function eachCall(onCall: OnCall): HookOf {
  const invocations = new Map<StepName, number>();
  return (step) => {
    const invocation = (invocations.get(step) ?? 0) + 1;
    invocations.set(step, invocation);
    const called: string[] = [];
    let dead = false;
    return async (portCall, effect) => {
      if (dead) throw new Died(`step ${step} is dead`);
      const call = callName(portCall);
      const nth = called.filter((name) => name === call).length + 1;
      const point = { step, invocation, index: called.length, call, nth };
      called.push(call);
      return onCall(point, effect, () => {
        dead = true;
        return new Died(`step ${step} died at ${call}`);
      });
    };
  };
}

/** «issueKey dies after issuer.create», «the 2nd checkDrain dies before the 3rd ledger.commit» */
export const pointName = (point: Point, what: string): string =>
  `${stepRunName(point)} ${what} ${point.nth === 1 ? point.call : `the ${ordinal(point.nth)} ${point.call}`}`;

export const stepRunName = ({ step, invocation }: StepRun): string =>
  invocation === 1 ? step : `the ${ordinal(invocation)} ${step}`;

const ordinal = (number: number): string => `${number}${['th', 'st', 'nd', 'rd'][number] ?? 'th'}`;
