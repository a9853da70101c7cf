/** The synthesized state machine: its states, and where each failure goes. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import * as errors from '../../lib/rotation/errors.ts';
import { type StepName, steps } from '../../lib/workflow/steps.ts';
import { definitionIn } from '../support/asl/synthesized.ts';
import { aStack } from './a-stack.ts';

const retrier = z.object({
  ErrorEquals: z.array(z.string()),
  MaxAttempts: z.number().optional(),
  IntervalSeconds: z.number().optional(),
  BackoffRate: z.number().optional(),
  MaxDelaySeconds: z.number().optional(),
  JitterStrategy: z.string().optional(),
});
const state = z.looseObject({
  Type: z.string(),
  Next: z.string().optional(),
  Retry: z.array(retrier).default([]),
  Catch: z.array(z.object({ ErrorEquals: z.array(z.string()), Next: z.string() })).default([]),
});
const map = z.object({ ItemProcessor: z.object({ States: z.record(z.string(), state) }) });
const definition = z.object({
  QueryLanguage: z.literal('JSONata'),
  StartAt: z.string(),
  States: z.record(z.string(), state),
});

const written: unknown = definitionIn(aStack().template);
const machine = definition.parse(written);
const tasks = Object.entries(machine.States).filter(([, { Type }]) => Type === 'Task');

/** What a Map does for each of its items. */
const within = Object.values(machine.States).flatMap((found) => {
  const { data } = map.safeParse(found);
  return Object.entries(data?.ItemProcessor.States ?? {}).filter(([, { Type }]) => Type === 'Task');
});

const title = (name: StepName): string =>
  name
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/^./, (letter) => letter.toUpperCase());

const beforeCommit = ['Begin', 'Issue key', 'Verify key', 'Promote key'];
const trial = ['Disable key', 'Check breakage', 'Enable key'];
const afterCommit = [
  'Check drain',
  'Ask owner',
  'Roll back',
  ...trial,
  'Revoke key',
  'Prove dead',
  'Complete',
];
const untilDone = ['Promote key', ...afterCommit, 'Abandon'];

/** Seconds from the first failure to the last try that a retrier without jitter allows. */
function secondsOf(retry: z.output<typeof retrier> | undefined): number {
  const { MaxAttempts = 0, IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Infinity } = retry ?? {};
  const delays = Array.from({ length: MaxAttempts }, (_, tries) =>
    Math.min(IntervalSeconds * BackoffRate ** tries, MaxDelaySeconds),
  );
  return delays.reduce((sum, delay) => sum + delay, 0);
}

describe('the rotation workflow', () => {
  it('has one task per step, by the step’s name', () => {
    const names = Object.keys(steps) as StepName[];
    expect([...tasks, ...within].map(([name]) => name).sort()).toEqual(names.map(title).sort());
  });

  it.each([...tasks, ...within])('retries %s after everything that it does not name', (_name, task) => {
    expect(task.Retry.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
  });

  it.each(tasks)('ends %s without effect when somebody else owns the credential', (_name, task) => {
    for (const error of errors.endsWithoutEffect) {
      expect(task.Catch.find(({ ErrorEquals }) => ErrorEquals.includes(error))?.Next).toBe(
        'Ended without effect',
      );
      expect(task.Retry.find(({ ErrorEquals }) => ErrorEquals.includes(error))?.MaxAttempts).toBe(0);
    }
  });

  it.each(within)('leaves behind a target that %s fails for, whatever the failure', (_name, task) => {
    expect(task.Catch).toMatchObject([{ ErrorEquals: ['States.ALL'], Next: 'Left behind' }]);
    // An hour, and not for ever: the other targets and the drain wait for it.
    expect(secondsOf(task.Retry.at(-1))).toBeGreaterThan(3_600);
    expect(secondsOf(task.Retry.at(-1))).toBeLessThan(2 * 3_600);
  });

  it.each(beforeCommit)('abandons after any other failure of %s', (name) => {
    expect(machine.States[name]?.Catch.at(-1)).toMatchObject({
      ErrorEquals: ['States.ALL'],
      Next: 'Abandon',
    });
  });

  it.each(beforeCommit)('does not abandon because %s stays busy', (name) => {
    const caught = machine.States[name]?.Catch.find(({ ErrorEquals }) => ErrorEquals.includes('StepBusy'));
    expect(caught?.Next).toBe('Busy');
  });

  it.each(afterCommit)('never abandons after %s', (name) => {
    expect(machine.States[name]?.Catch.map(({ Next }) => Next)).not.toContain('Abandon');
  });

  it.each(['Issue key', 'Complete'])('sends an orphan that %s finds to Revoke key', (name) => {
    expect(
      machine.States[name]?.Catch.find(({ ErrorEquals }) => ErrorEquals.includes('OrphanFound'))?.Next,
    ).toBe('Revoke key');
  });

  it('names no error that does not exist', () => {
    const known = [...Object.keys(errors), 'States.ALL', 'States.Timeout'];
    const used = [...tasks, ...within].flatMap(([, { Retry, Catch }]) =>
      [...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals),
    );
    expect([...new Set(used)].filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(untilDone)('tries %s for 30 days, so that no outage ends the execution', (name) => {
    const retry = machine.States[name]?.Retry.at(-1);
    expect(secondsOf(retry)).toBeGreaterThanOrEqual(30 * 86_400);
    // Somebody misses a key that is to be enabled.
    expect(retry).toMatchObject({ MaxDelaySeconds: name === 'Enable key' ? 600 : 3_600 });
    expect(retry?.JitterStrategy).toBeUndefined();
  });

  it.each(untilDone)('does not try %s again where another try cannot help', (name) => {
    const never = machine.States[name]?.Retry.filter(({ MaxAttempts }) => MaxAttempts === 0);
    const noFailure = name === 'Ask owner' ? ['States.Timeout'] : [];
    expect(never?.flatMap(({ ErrorEquals }) => ErrorEquals).sort()).toEqual([
      'AlreadyDecided',
      'CredentialRemoved',
      'Fenced',
      'ImpossibleTransition',
      'InvalidInput',
      'KeyRefused',
      'OrphanFound',
      'PastCommitPoint',
      'SecretChangedOutside',
      ...noFailure,
      'Superseded',
      'UnknownKeyFound',
    ]);
  });

  it('waits for the owner a day at most, and then looks at the drain, as it does after an answer', () => {
    const ask = machine.States['Ask owner'];
    expect(ask).toMatchObject({ TimeoutSeconds: 3600, Next: 'Check drain' });
    expect(ask?.['Resource']).toMatch(/:lambda:invoke\.waitForTaskToken$/);
    const leadingOn = ask?.Catch.find(({ ErrorEquals }) => ErrorEquals.includes('AlreadyDecided'));
    expect(leadingOn).toEqual({ ErrorEquals: ['States.Timeout', 'AlreadyDecided'], Next: 'Check drain' });
  });

  it('goes from a trial without breakage to the revoke by way of no other state', () => {
    const way = ['Disable key'];
    for (let at = way[0]; at && at !== 'Revoke key'; at = machine.States[at]?.Next)
      way.push(machine.States[at]?.Next ?? 'nowhere');
    expect(way).toEqual(['Disable key', 'Observe', 'Check breakage', 'Revoke key']);
  });

  it('reads as it did when it was last reviewed', () => {
    expect(written).toMatchSnapshot();
  });
});
