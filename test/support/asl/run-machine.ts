/** Runs a state machine to its end, as Step Functions would, on a timeline. */
import { type Instant, plus, type Seconds } from '../../../lib/usage/instant.ts';
import type { Catcher, ChoiceState, MapState, State, States, TaskState, WaitState } from './definition.ts';
import { evaluate, type Scope } from './expressions.ts';
import { type History, type HistoryBook, historyBook } from './history.ts';
import { means, triesOf } from './retrying.ts';
import { asLambdaTells, StateFailure } from './state-failure.ts';
import type { Timeline } from './timeline.ts';

export interface MachineOptions {
  readonly timeline: Timeline;
  /** The execution's input and name. */
  readonly execution: { readonly name: string; readonly input: unknown };
  /** Calls a function; what it throws becomes the Task's error, as with Lambda. */
  readonly invoke: (functionName: string, payload: unknown) => Promise<unknown>;
  /** The world's part of each Wait, and of each wait for a token, when it is over. @default nothing happens */
  readonly afterWait?: () => Promise<void>;
  /** Makes a task token that calls `go` when it is shown. @default nobody shows it @returns what makes it worthless */
  readonly waitFor?: (token: string, go: () => void) => () => void;
  /** Of a delay with jitter, the part that is waited: 0 to 1. @default one half */
  readonly random?: () => number;
}

export interface Execution extends History {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly output: unknown;
  /** Of a failed one, what it failed with. */
  readonly error: string | undefined;
  /** What each failed try threw, to search for what must not be in it. */
  readonly thrown: readonly unknown[];
  readonly startedAt: Instant;
  readonly endedAt: Instant;
}

/** A machine, what runs it, and what has become of it so far. */
interface Run {
  readonly options: MachineOptions;
  readonly history: HistoryBook;
  readonly context: Readonly<Record<string, unknown>>;
  readonly thrown: unknown[];
}

type Variables = Readonly<Record<string, unknown>>;

/** Where a state leads; without `next` its machine ends. */
interface Onward {
  readonly output: unknown;
  readonly variables: Variables;
  readonly next: string | undefined;
}

export async function runMachine(machine: States, options: MachineOptions): Promise<Execution> {
  const { timeline, execution } = options;
  const startedAt = timeline.now();
  const context = {
    Execution: { Id: execution.name, Name: execution.name, Input: execution.input, StartTime: startedAt },
  };
  const run: Run = { options, history: historyBook(), context, thrown: [] };
  const { history, thrown } = run;
  const ended = (end: Pick<Execution, 'status' | 'output' | 'error'>): Execution => {
    history.note(end.status === 'SUCCEEDED' ? 'ExecutionSucceeded' : 'ExecutionFailed');
    const { events, entered, transitions } = history;
    return { ...end, events, entered, transitions, thrown, startedAt, endedAt: timeline.now() };
  };
  history.note('ExecutionStarted');
  try {
    const output = await runStates(run, machine, execution.input, {});
    return ended({ status: 'SUCCEEDED', output, error: undefined });
  } catch (failure) {
    if (!(failure instanceof StateFailure)) throw failure;
    return ended({ status: 'FAILED', output: undefined, error: failure.error });
  }
}

async function runStates(run: Run, machine: States, input: unknown, given: Variables): Promise<unknown> {
  let at: Onward = { output: input, variables: given, next: machine.StartAt };
  while (at.next !== undefined) {
    const name: string = at.next;
    const state = machine.States[name];
    if (!state) throw new Error(`the state machine has no state "${name}"`);
    run.history.enter(state.Type, name);
    at = await runState(run, name, state, at);
  }
  return at.output;
}

async function runState(
  run: Run,
  name: string,
  state: State,
  { output, variables }: Onward,
): Promise<Onward> {
  const scope: Scope = {
    states: { input: output, context: { ...run.context, State: { Name: name } } },
    variables,
  };
  switch (state.Type) {
    case 'Task':
      return retried(run, state, scope, () => runTask(run, state, scope));
    case 'Map':
      return retried(run, state, scope, () => runMap(run, state, scope));
    case 'Choice':
      return runChoice(run, name, state, scope);
    case 'Wait':
      await runWait(run, state, scope);
      return leave(run, state, scope);
    case 'Pass':
      return leave(run, state, scope);
    case 'Succeed':
      return leave(run, { ...state, End: true }, scope);
    case 'Fail':
      throw new StateFailure(state.Error ?? '', state.Cause ?? '');
    default:
      return state satisfies never;
  }
}

type Leaving = Pick<Catcher, 'Output' | 'Assign'> & {
  readonly Type: State['Type'];
  readonly Next?: string | undefined;
  readonly End?: true | undefined;
};

/** `Output` and `Assign` both see what was before: neither sees the other's result. */
async function leave(
  run: Run,
  state: Leaving,
  scope: Scope,
  fallback = scope.states['input'],
): Promise<Onward> {
  if ((state.Next === undefined) === (state.End === undefined))
    throw new Error(`a state of type ${state.Type} needs either Next or End`);
  const output = state.Output === undefined ? fallback : await evaluate(state.Output, scope);
  const assigned = await assignedBy(state, scope);
  run.history.exit(state.Type);
  return { output, variables: { ...scope.variables, ...assigned }, next: state.Next };
}

const assignedBy = async ({ Assign = {} }: Pick<Catcher, 'Assign'>, scope: Scope): Promise<Variables> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(Assign).map(async ([name, value]) => [name, await evaluate(value, scope)]),
    ),
  );

/** Tries a Task or a Map until it has a result, its Retry list ends, or its Catch list leads elsewhere. */
async function retried(
  run: Run,
  state: TaskState | MapState,
  scope: Scope,
  work: () => Promise<unknown>,
): Promise<Onward> {
  const tries = triesOf(state.Retry, run.options.random ?? (() => 0.5));
  for (;;) {
    try {
      const result = await work();
      return await leave(run, state, { ...scope, states: { ...scope.states, result } }, result);
    } catch (failure) {
      if (!(failure instanceof StateFailure)) throw failure;
      const delay = tries.after(failure.error);
      if (delay === undefined) return caught(run, state, scope, failure);
      await run.options.timeline.sleep(delay);
      run.history.step();
    }
  }
}

/** @throws the failure itself when nothing catches it. */
async function caught(
  run: Run,
  state: TaskState | MapState,
  scope: Scope,
  failure: StateFailure,
): Promise<Onward> {
  const catcher = state.Catch.find(({ ErrorEquals }) => means(ErrorEquals, failure.error));
  if (!catcher) throw failure;
  const errorOutput = { Error: failure.error, Cause: failure.text };
  const withError = { ...scope, states: { ...scope.states, errorOutput } };
  return leave(run, { ...catcher, Type: state.Type }, withError, errorOutput);
}

/** With a new token for each try, which is good from the call of the function on. */
async function runCallback(
  run: Run,
  state: TaskState,
  { states, variables }: Scope,
  seconds: Seconds,
): Promise<unknown> {
  const { timeline, execution, waitFor = () => () => {}, afterWait } = run.options;
  const token = `${execution.name}#${run.history.events.length}`;
  const context = { ...Object(states['context']), Task: { Token: token } };
  const until = plus(timeline.now(), seconds);
  let isShown = false;
  let wake = (): void => {};
  const forget = waitFor(token, () => {
    isShown = true;
    wake();
  });
  try {
    await called(run, state, { states: { ...states, context }, variables });
    run.history.note('TaskSubmitted');
    if (!isShown) await timeline.sleepUnlessWoken(until, (wakeUp) => (wake = wakeUp));
  } finally {
    forget();
  }
  await afterWait?.();
  run.history.note(isShown ? 'TaskSucceeded' : 'TaskTimedOut');
  if (!isShown) throw new StateFailure('States.Timeout', '');
  return {};
}

async function runTask(run: Run, state: TaskState, scope: Scope): Promise<unknown> {
  if (state.TimeoutSeconds !== undefined) return runCallback(run, state, scope, state.TimeoutSeconds);
  const answer = await called(run, state, scope);
  run.history.note('TaskSucceeded');
  return { Payload: throughJson(answer), StatusCode: 200 };
}

/** @throws StateFailure for what the function throws. */
async function called({ options, history, thrown }: Run, state: TaskState, scope: Scope): Promise<unknown> {
  const payload = await evaluate(state.Arguments.Payload, scope);
  history.note('TaskScheduled', 'TaskStarted');
  try {
    return await options.invoke(state.Arguments.FunctionName, payload);
  } catch (error) {
    history.note('TaskFailed');
    thrown.push(error);
    throw asLambdaTells(error);
  }
}

/** What a function returns has been text in between. */
const throughJson = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer ?? null));

async function runMap(run: Run, state: MapState, scope: Scope): Promise<unknown> {
  const items = state.Items === undefined ? scope.states['input'] : await evaluate(state.Items, scope);
  if (!Array.isArray(items)) throw new StateFailure('States.QueryEvaluationError', 'Items is no array');
  run.history.note('MapStateStarted');
  const works = items.map((Value: unknown, Index) => async () => {
    run.history.step('MapIterationStarted');
    const context = { ...run.context, Map: { Item: { Index, Value } } };
    const states = { ...scope.states, context: { ...Object(scope.states['context']), ...context } };
    const input =
      state.ItemSelector === undefined ? Value : await evaluate(state.ItemSelector, { ...scope, states });
    try {
      const output = await runStates({ ...run, context }, state.ItemProcessor, input, scope.variables);
      run.history.note('MapIterationSucceeded');
      return output;
    } catch (failure) {
      run.history.note('MapIterationFailed');
      throw failure;
    }
  });
  try {
    const outputs = await run.options.timeline.together(works, state.MaxConcurrency);
    run.history.note('MapStateSucceeded');
    return outputs;
  } catch (failure) {
    run.history.note('MapStateFailed');
    throw failure;
  }
}

/** The first condition that holds leads on; a condition that is no truth value is an error. */
async function runChoice(run: Run, name: string, state: ChoiceState, scope: Scope): Promise<Onward> {
  for (const rule of state.Choices) {
    const holds = await evaluate(rule.Condition, scope);
    if (typeof holds !== 'boolean')
      throw new StateFailure('States.QueryEvaluationError', `${rule.Condition} is neither true nor false`);
    if (holds) return leave(run, { ...rule, Type: 'Choice' }, scope);
  }
  if (state.Default === undefined)
    throw new StateFailure('States.NoChoiceMatched', `nothing in "${name}" matches`);
  return leave(run, { ...state, Next: state.Default }, scope);
}

/** A Timestamp that has passed is no wait. */
async function runWait({ options }: Run, { Timestamp, Seconds }: WaitState, scope: Scope): Promise<void> {
  if ((Timestamp === undefined) === (Seconds === undefined))
    throw new Error('a Wait needs either Timestamp or Seconds');
  const wanted = await evaluate(Timestamp ?? Seconds, scope);
  if (Timestamp !== undefined) await options.timeline.sleepUntil(instantOf(wanted));
  else await options.timeline.sleep(Number(wanted));
  await options.afterWait?.();
}

function instantOf(timestamp: unknown): Instant {
  const milliseconds = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(milliseconds))
    throw new StateFailure('States.QueryEvaluationError', 'Timestamp is no RFC 3339 timestamp');
  return new Date(milliseconds).toISOString();
}
