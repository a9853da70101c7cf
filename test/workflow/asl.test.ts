/** The runner itself, on machines of a few states: what it models is what AWS documents. */
import { describe, expect, it } from 'vitest';
import { plus } from '../../lib/usage/instant.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { memoryExecutions } from '../fakes/memory-executions.ts';
import { parseMachine } from '../support/asl/definition.ts';
import { type Execution, type MachineOptions, runMachine } from '../support/asl/run-machine.ts';
import { type Timeline, timelineOn } from '../support/asl/timeline.ts';

const lambda = 'arn:aws:states:::lambda:invoke';
const begun = '2026-03-02T08:00:00.000Z';

const task = (name: string, more: object = {}) => ({
  Type: 'Task',
  Resource: lambda,
  Arguments: { FunctionName: name, Payload: '{% $states.input %}' },
  Output: '{% $states.result.Payload %}',
  ...more,
});

const machineOf = (StartAt: string, States: object) => ({ QueryLanguage: 'JSONata', StartAt, States });

async function run(
  written: object,
  invoke: MachineOptions['invoke'] = async (_name, payload) => payload,
  input: unknown = {},
  { timeline = timelineOn(manualClock(begun)), ...more }: Partial<MachineOptions> = {},
): Promise<Execution> {
  const ended: Execution[] = [];
  timeline.begin(async () => {
    const execution = { name: 'an-execution', input };
    const options = { timeline, execution, invoke, random: () => 0.25, ...more };
    ended.push(await runMachine(parseMachine(written), options));
  });
  await timeline.run();
  const [execution] = ended;
  if (!execution) throw new Error('the execution has not ended');
  return execution;
}

const failing = (name: string, times: number): MachineOptions['invoke'] => {
  let left = times;
  return async (_function, payload) => {
    left -= 1;
    if (left >= 0) throw Object.assign(new Error(`it fails ${left + 1} times more`), { name });
    return payload;
  };
};

const secondsOf = ({ endedAt }: Execution): number => (Date.parse(endedAt) - Date.parse(begun)) / 1000;

describe('the runner', () => {
  it.each([
    ['a field of a state', machineOf('A', { A: task('F', { End: true, HeartbeatSeconds: 5 }) })],
    ['a field of an expression language', machineOf('A', { A: { Type: 'Pass', End: true, InputPath: '$' } })],
    ['a kind of state', machineOf('A', { A: { Type: 'Parallel', Branches: [], End: true } })],
    [
      'a service',
      machineOf('A', { A: { ...task('F', { End: true }), Resource: 'arn:aws:states:::sqs:sendMessage' } }),
    ],
    [
      'a callback that may wait for ever',
      machineOf('A', { A: { ...task('F', { End: true }), Resource: `${lambda}.waitForTaskToken` } }),
    ],
    ['a time limit of a task', machineOf('A', { A: task('F', { End: true, TimeoutSeconds: 5 }) })],
    ['another language', { StartAt: 'A', States: { A: { Type: 'Pass', End: true } } }],
  ])('refuses %s that it does not model', (_what, written) => {
    expect(() => parseMachine(written)).toThrow();
  });

  it('refuses a state that leads nowhere', async () => {
    await expect(run(machineOf('A', { A: { Type: 'Pass' } }))).rejects.toThrow('needs either Next or End');
  });

  it('writes the events that AWS writes for a task, a choice and a wait', async () => {
    const execution = await run(
      machineOf('A', {
        A: task('F', { Next: 'B' }),
        B: { Type: 'Choice', Choices: [{ Condition: "{% $states.input.go = 'on' %}", Next: 'C' }] },
        C: { Type: 'Wait', Seconds: 60, Next: 'D' },
        D: { Type: 'Succeed' },
      }),
      undefined,
      { go: 'on' },
    );
    expect(execution.events).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ChoiceStateEntered',
      'ChoiceStateExited',
      'WaitStateEntered',
      'WaitStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ]);
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { go: 'on' }, transitions: 4 });
    expect(secondsOf(execution)).toBe(60);
  });

  it('counts every retry as a transition and waits longer each time, up to MaxDelaySeconds', async () => {
    const Retry = [
      {
        ErrorEquals: ['States.ALL'],
        IntervalSeconds: 2,
        BackoffRate: 3,
        MaxAttempts: 5,
        MaxDelaySeconds: 10,
      },
    ];
    const execution = await run(machineOf('A', { A: task('F', { End: true, Retry }) }), failing('Oops', 4));
    expect(secondsOf(execution)).toBe(2 + 6 + 10 + 10);
    expect(execution.transitions).toBe(5);
    expect(execution.events.filter((type) => type === 'TaskFailed')).toHaveLength(4);
  });

  it('waits a part of the delay where the retry has full jitter', async () => {
    const Retry = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 8, JitterStrategy: 'FULL' }];
    expect(
      secondsOf(await run(machineOf('A', { A: task('F', { End: true, Retry }) }), failing('Oops', 1))),
    ).toBe(2);
  });

  it('gives each retrier attempts of its own', async () => {
    const Retry = [
      { ErrorEquals: ['Busy'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 2 },
      { ErrorEquals: ['States.ALL'], IntervalSeconds: 10, BackoffRate: 1, MaxAttempts: 1 },
    ];
    const errors = ['Busy', 'Other', 'Busy'];
    const execution = await run(machineOf('A', { A: task('F', { End: true, Retry }) }), async () => {
      const name = errors.shift();
      if (name) throw Object.assign(new Error('no'), { name });
    });
    expect(execution.status).toBe('SUCCEEDED');
    expect(secondsOf(execution)).toBe(12);
  });

  it('leads on by the first Catch that means the error, with what was thrown', async () => {
    const Catch = [
      { ErrorEquals: ['Other'], Next: 'C' },
      { ErrorEquals: ['States.ALL'], Next: 'B', Output: { failure: '{% $states.errorOutput %}' } },
    ];
    const execution = await run(
      machineOf('A', {
        A: task('F', { Next: 'C', Catch }),
        B: { Type: 'Pass', End: true },
        C: { Type: 'Fail' },
      }),
      failing('Oops', 1),
    );
    expect(execution.output).toMatchObject({
      failure: { Error: 'Oops', Cause: expect.stringContaining('"errorMessage":"it fails 1 times more"') },
    });
  });

  it('fails with the error that nothing catches', async () => {
    const execution = await run(machineOf('A', { A: task('F', { End: true }) }), failing('Oops', 1));
    expect(execution).toMatchObject({ status: 'FAILED', error: 'Oops' });
    expect(execution.events.at(-1)).toBe('ExecutionFailed');
  });

  it('fails where an expression comes to nothing', async () => {
    const Timestamp = '{% $states.input.lookAt %}';
    const execution = await run(machineOf('A', { A: { Type: 'Wait', Timestamp, End: true } }));
    expect(execution).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });

  it('hands assigned variables on', async () => {
    const execution = await run(
      machineOf('A', {
        A: { Type: 'Pass', Assign: { until: '{% $states.input.until %}' }, Output: {}, Next: 'B' },
        B: { Type: 'Wait', Timestamp: '{% $until %}', End: true },
      }),
      undefined,
      { until: plus(begun, 7) },
    );
    expect(secondsOf(execution)).toBe(7);
  });

  it('runs the items of a Map side by side, as many at a time as it may', async () => {
    const execution = await run(
      machineOf('A', {
        A: {
          Type: 'Map',
          Items: '{% $states.input.targets %}',
          ItemSelector: {
            target: '{% $states.context.Map.Item.Value %}',
            at: '{% $states.context.Map.Item.Index %}',
          },
          MaxConcurrency: 2,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'INLINE' },
            StartAt: 'B',
            States: { B: { Type: 'Wait', Seconds: 60, Next: 'C' }, C: { Type: 'Pass', End: true } },
          },
          End: true,
        },
      }),
      undefined,
      { targets: ['x', 'y', 'z'] },
    );
    expect(execution.output).toEqual([
      { target: 'x', at: 0 },
      { target: 'y', at: 1 },
      { target: 'z', at: 2 },
    ]);
    expect(secondsOf(execution)).toBe(120);
    expect(execution.transitions).toBe(1 + 3 * (1 + 2));
    expect(execution.events.filter((type) => type.startsWith('Map'))).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      'MapIterationStarted',
      'MapIterationSucceeded',
      'MapIterationStarted',
      'MapIterationSucceeded',
      'MapIterationSucceeded',
      'MapStateSucceeded',
      'MapStateExited',
    ]);
  });
});

describe('a callback', () => {
  const waiting = machineOf('A', {
    A: {
      Type: 'Task',
      Resource: `${lambda}.waitForTaskToken`,
      Arguments: { FunctionName: 'F', Payload: '{% $states.context.Task.Token %}' },
      TimeoutSeconds: 3600,
      Retry: [
        { ErrorEquals: ['States.Timeout', 'AlreadyDecided'], MaxAttempts: 0 },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 10, BackoffRate: 1 },
      ],
      Catch: [{ ErrorEquals: ['States.Timeout', 'AlreadyDecided'], Next: 'B' }],
      End: true,
    },
    B: { Type: 'Pass', End: true },
  });

  type Asked = (
    token: string,
    timeline: Timeline,
    wake: (token: string) => Promise<boolean>,
  ) => Promise<void>;

  async function waits(asked: Asked) {
    const timeline = timelineOn(manualClock(begun));
    const { wake, waitFor } = memoryExecutions();
    const tokens: string[] = [];
    const invoke = async (_name: string, token: unknown) => {
      tokens.push(String(token));
      await asked(String(token), timeline, wake);
    };
    return { ...(await run(waiting, invoke, {}, { timeline, waitFor })), tokens, wake };
  }

  it('ends when its token is shown', async () => {
    const execution = await waits(async (token, timeline, wake) =>
      timeline.begin(async () => {
        await timeline.sleep(60);
        await wake(token);
      }),
    );
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: {}, entered: ['A'] });
    expect(secondsOf(execution)).toBe(60);
    expect(execution.events.slice(2, 6)).toEqual([
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
    ]);
  });

  it('ends when its token is shown before its function has answered', async () => {
    const execution = await waits(async (token, timeline, wake) => {
      await wake(token);
      await timeline.sleep(5);
    });
    expect(execution.status).toBe('SUCCEEDED');
    expect(secondsOf(execution)).toBe(5);
  });

  it('fails when its time is up, and its token is good for nothing then', async () => {
    const execution = await waits(async () => {});
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { Error: 'States.Timeout' } });
    expect(execution.entered).toEqual(['A', 'B']);
    expect(execution.events).toContain('TaskTimedOut');
    expect(secondsOf(execution)).toBe(3600);
    expect(await execution.wake(execution.tokens[0] ?? '')).toBe(false);
  });

  it('fails at once with what its function throws', async () => {
    const execution = await waits(async () => {
      throw Object.assign(new Error('no'), { name: 'AlreadyDecided' });
    });
    expect(execution).toMatchObject({ output: { Error: 'AlreadyDecided' }, entered: ['A', 'B'] });
    expect(secondsOf(execution)).toBe(0);
  });

  it('has a token of its own for each try', async () => {
    let tries = 0;
    const execution = await waits(async (token, _timeline, wake) => {
      tries += 1;
      if (tries === 1) throw new Error('the ledger is out');
      await wake(token);
    });
    expect(execution.status).toBe('SUCCEEDED');
    expect(new Set(execution.tokens).size).toBe(2);
    expect(secondsOf(execution)).toBe(10);
  });
});
