/** The rotation workflow as a sequence of use-cases on twins, with the state machine's routes and retries. */
import { abandon, type Failure } from '../../lib/rotation/abandon.ts';
import { answerWithin, askOwner } from '../../lib/rotation/ask-owner.ts';
import { begin } from '../../lib/rotation/begin.ts';
import { checkBreakage } from '../../lib/rotation/check-breakage.ts';
import { checkDrain } from '../../lib/rotation/check-drain.ts';
import { complete } from '../../lib/rotation/complete.ts';
import { deployKey } from '../../lib/rotation/deploy-key.ts';
import { disableKey } from '../../lib/rotation/disable-key.ts';
import { enableKey } from '../../lib/rotation/enable-key.ts';
import { endsWithoutEffect, neverMended, notWorthRetrying, routed } from '../../lib/rotation/errors.ts';
import { issueKey } from '../../lib/rotation/issue-key.ts';
import type { Ports, RotationRef } from '../../lib/rotation/ports.ts';
import { promoteKey } from '../../lib/rotation/promote-key.ts';
import { proveDead } from '../../lib/rotation/prove-dead.ts';
import { revokeKey } from '../../lib/rotation/revoke-key.ts';
import { rollBack } from '../../lib/rotation/roll-back.ts';
import { verifyKey } from '../../lib/rotation/verify-key.ts';
import { type StepName, steps } from '../../lib/workflow/steps.ts';
import type { Hook } from './intercept.ts';
import type { World } from './world.ts';

/** What a step answers with; the Choices of the workflow read `next` and `lookAt`. */
export interface Verdict {
  readonly next?: string;
  readonly lookAt?: string;
  readonly keyId?: string | null;
  readonly status?: string;
  readonly targets?: readonly string[];
}

/** What a state hands to its step beside the execution's input. */
interface Handed {
  readonly failure?: Failure | undefined;
  readonly target?: string | undefined;
}

type UseCase = (ports: Ports, ref: RotationRef, handed?: Handed) => Promise<Verdict>;

export const useCases: Readonly<Record<StepName, UseCase>> = {
  begin: (ports, ref) => begin(ports, { ...ref, requestedBy: 'schedule' }),
  issueKey,
  verifyKey,
  promoteKey,
  deployKey: async (ports, ref, handed) => {
    await deployKey(ports, { ...ref, target: handed?.target ?? '' });
    return {};
  },
  checkDrain,
  askOwner: async (ports, ref) => {
    await askOwner(ports, { ...ref, token: `token of ${ports.invocation.requestId}` });
    return {};
  },
  rollBack,
  disableKey,
  checkBreakage,
  enableKey,
  revokeKey,
  proveDead,
  complete,
  abandon: (ports, ref, handed) => abandon(ports, { ...ref, failure: handed?.failure }),
};

export interface WorkflowRun {
  /** The steps that were entered, in order, retries apart. */
  readonly entered: readonly StepName[];
  /** Everything that was thrown and every verdict, to search for what must not be in one. */
  readonly errors: readonly unknown[];
  readonly verdicts: readonly Verdict[];
  readonly outcome: 'ended' | 'blocked' | 'failed' | 'without effect';
}

export interface WorkflowOptions {
  /** Stands in front of the ports; asked once per invocation, retries included. */
  readonly hookOf?: (step: StepName) => Hook;
  /** The world's part of a wait, after the clock has moved. By default the consumer reads the current key. */
  readonly meanwhile?: (world: World) => Promise<void>;
  /** After each failed invocation. */
  readonly onFailure?: (step: StepName, error: unknown) => Promise<void>;
  /** After each successful one; `again` runs it once more with what it was handed. */
  readonly onSuccess?: (step: StepName, verdict: Verdict, again: () => Promise<Verdict>) => Promise<void>;
  /** Goes as far as this step and does not enter it. */
  readonly until?: StepName;
}

type Result = { readonly verdict: Verdict } | { readonly error: unknown };

type Onward = { readonly step: StepName; readonly handed?: Handed } | WorkflowRun['outcome'];

/** Retries of one step, enough for the leases of many deaths: giving up is the state machine's affair. */
const triesPerStep = 1000;
/** As the state machine's. */
const triesPerTarget = 13;
const pause = 10;
const stepsPerRun = 60;

/** Runs the workflow to its end, or until it is about to enter `until`. */
export async function runWorkflow(
  world: World,
  ref: RotationRef,
  options: WorkflowOptions = {},
): Promise<WorkflowRun> {
  const run = { entered: [] as StepName[], errors: [] as unknown[], verdicts: [] as Verdict[] };
  let at: Onward = { step: 'begin' };
  while (typeof at !== 'string') {
    const { step, handed }: Exclude<Onward, string> = at;
    if (step === options.until) return { ...run, outcome: 'ended' };
    run.entered.push(step);
    if (run.entered.length > stepsPerRun) throw new Error(`the workflow runs in circles: ${run.entered}`);
    const result = await retried(world, ref, step, handed, options, run);
    if ('error' in result) {
      at = afterError(step, result.error);
    } else {
      if (result.verdict.targets && options.until === 'deployKey') return { ...run, outcome: 'ended' };
      await deployEach(world, ref, result.verdict, options, run);
      at = await afterVerdict(world, step, result.verdict, options);
    }
  }
  return { ...run, outcome: at };
}

/** The Map: a target that fails for longer than its retries is left behind. */
async function deployEach(
  world: World,
  ref: RotationRef,
  { targets = [] }: Verdict,
  options: WorkflowOptions,
  run: { readonly entered: StepName[]; readonly errors: unknown[]; readonly verdicts: Verdict[] },
): Promise<void> {
  for (const target of targets) {
    run.entered.push('deployKey');
    await retried(world, ref, 'deployKey', { target }, options, run);
  }
}

/** Runs one step as the state machine would, with its retries. */
async function retried(
  world: World,
  ref: RotationRef,
  step: StepName,
  handed: Handed | undefined,
  { hookOf, onFailure, onSuccess }: WorkflowOptions,
  run: { readonly errors: unknown[]; readonly verdicts: Verdict[] },
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    const hook = hookOf?.(step);
    const ports = world.ports({ timeout: steps[step].timeout, ...(hook && { hook }) });
    const result = await outcomeOf(() => useCases[step](ports, ref, handed));
    if ('verdict' in result) {
      run.verdicts.push(result.verdict);
      await onSuccess?.(step, result.verdict, () => useCases[step](world.ports(), ref, handed));
      return result;
    }
    run.errors.push(result.error);
    await onFailure?.(step, result.error);
    const most = step === 'deployKey' ? triesPerTarget : triesPerStep;
    if (!isRetried(step, nameOf(result.error)) || tries >= most) return result;
    world.clock.advance(pause);
  }
}

async function outcomeOf(work: () => Promise<Verdict>): Promise<Result> {
  try {
    return { verdict: await work() };
  } catch (error) {
    return { error };
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'Error');

const isRetried = (step: StepName, error: string): boolean => {
  const givenUp = step === 'begin' || step === 'issueKey' || step === 'verifyKey';
  const never: readonly string[] = [
    ...routed,
    ...endsWithoutEffect,
    'TargetRejected',
    ...(givenUp ? notWorthRetrying : neverMended),
  ];
  return !never.includes(error);
};

function afterError(step: StepName, error: unknown): Onward {
  const name = nameOf(error);
  if (name === 'OrphanFound') return { step: 'revokeKey' };
  if (name === 'UnknownKeyFound') return 'blocked';
  if (name === 'AlreadyDecided') return { step: 'checkDrain' };
  if (name === 'Fenced' || name === 'Superseded') return 'without effect';
  const Cause = JSON.stringify({
    errorType: name,
    errorMessage: error instanceof Error ? error.message : '',
  });
  const canBeAbandoned = ['begin', 'issueKey', 'verifyKey', 'promoteKey'].includes(step);
  return canBeAbandoned ? { step: 'abandon', handed: { failure: { Error: name, Cause } } } : 'failed';
}

async function afterVerdict(
  world: World,
  step: StepName,
  { next, lookAt }: Verdict,
  { meanwhile = async ({ report }) => report() }: WorkflowOptions,
): Promise<Onward> {
  if (lookAt) {
    if (lookAt > world.clock.now()) world.clock.set(lookAt);
    await meanwhile(world);
    if (step === 'disableKey') return { step: 'checkBreakage' };
    return { step: step === 'promoteKey' && next === 'wait' ? 'verifyKey' : 'checkDrain' };
  }
  if (step === 'askOwner') await untilDecided(world, meanwhile);
  const onward = straightOn[step] ?? next;
  if (onward === 'blocked') return 'blocked';
  return isStep(onward) ? { step: onward } : 'ended';
}

/** Where a step without a Choice behind it leads. */
const straightOn: Partial<Readonly<Record<StepName, string>>> = {
  issueKey: 'verifyKey',
  verifyKey: 'promoteKey',
  askOwner: 'checkDrain',
  checkBreakage: 'revokeKey',
  enableKey: 'checkDrain',
  revokeKey: 'proveDead',
};

/** The owner has an hour, then the execution wakes by itself. */
async function untilDecided(world: World, meanwhile: (world: World) => Promise<void>): Promise<void> {
  const { activeRotation } = (await world.view()).credential;
  const { token } = (await world.ledger.load(world.credentialId, activeRotation ?? ''))?.rotation ?? {};
  if (token) world.executions.waitFor(token);
  const before = world.executions.woken.length;
  world.clock.advance(60);
  await meanwhile(world);
  if (world.executions.woken.length > before) return;
  world.clock.advance(answerWithin - 60);
  await meanwhile(world);
}

const isStep = (name: string | undefined): name is StepName => name !== undefined && name in steps;
