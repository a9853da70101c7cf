/** The runner itself, on machines of a few states: what it models is what AWS documents. */
import { describe, expect, it } from 'vitest';
import { plus } from '../../lib/usage/instant.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { parseMachine } from '../support/asl/definition.ts';
import { type Execution, type MachineOptions, runMachine } from '../support/asl/run-machine.ts';
import { timelineOn } from '../support/asl/timeline.ts';

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
): Promise<Execution> {
  const timeline = timelineOn(manualClock(begun));
  const ended: Execution[] = [];
  timeline.begin(async () => {
    const execution = { name: 'an-execution', input };
    ended.push(await runMachine(parseMachine(written), { timeline, execution, invoke, random: () => 0.25 }));
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
