/** The synthesized state machine is valid Amazon States Language, by asl-validator and by what that does not look at. */
import validate from 'asl-validator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { definitionIn } from '../support/asl/synthesized.ts';
import { aStack } from './a-stack.ts';

const rule = z.looseObject({ ErrorEquals: z.array(z.string()) });
const state = z.looseObject({
  Type: z.string(),
  Retry: z.array(rule).optional(),
  Catch: z.array(rule).optional(),
});
const machine = z.looseObject({ StartAt: z.string(), States: z.record(z.string(), state) });
type Machine = z.output<typeof machine>;

const written = JSON.stringify(definitionIn(aStack().template)).replaceAll('arn:partition:', 'arn:aws:');

/** A copy, changed; validating one changes it too. */
function definition(change: (machine: Machine) => void = () => {}): Machine {
  const copy = machine.parse(JSON.parse(written));
  change(copy);
  return copy;
}

/** Every state by its name, those within a Map too. */
const statesOf = (value: unknown): readonly (readonly [string, z.output<typeof state>])[] => {
  if (typeof value !== 'object' || value === null) return [];
  const here = machine.safeParse(value);
  return [
    ...(here.success ? Object.entries(here.data.States) : []),
    ...Object.values(value).flatMap((inner) => statesOf(inner)),
  ];
};

const begin = (of: Machine) => of.States['Begin'] ?? state.parse({});

describe('the state machine', () => {
  it('is valid', () => {
    const { isValid, errorsText } = validate(definition());
    expect(isValid, errorsText('\n')).toBe(true);
  });

  it('has lists of retries and catches in which nothing comes after States.ALL, or beside it', () => {
    const lists = statesOf(definition()).flatMap(([name, { Retry = [], Catch = [] }]) => [
      { name, rules: Retry },
      { name, rules: Catch },
    ]);
    expect(lists.length).toBeGreaterThan(20);
    const early = lists.filter(({ rules }) =>
      rules.slice(0, -1).some(({ ErrorEquals }) => hasAll(ErrorEquals)),
    );
    const beside = lists.filter(({ rules }) =>
      rules.some(({ ErrorEquals }) => hasAll(ErrorEquals) && ErrorEquals.length > 1),
    );
    expect({ early, beside }).toEqual({ early: [], beside: [] });
  });

  it('has no task that is not retried in the end whatever has happened', () => {
    const tasks = statesOf(definition()).filter(([, { Type }]) => Type === 'Task');
    expect(tasks.length).toBeGreaterThan(0);
    const given = tasks.filter(([, { Retry = [] }]) => !hasAll(Retry.at(-1)?.ErrorEquals ?? []));
    expect(given.map(([name]) => name)).toEqual([]);
  });
});

const hasAll = (errors: readonly string[]): boolean => errors.includes('States.ALL');

describe('the validator sees', () => {
  it.each<[string, (machine: Machine) => void, string]>([
    [
      'a way to a state that is not there',
      (of) => Object.assign(begin(of), { Next: 'Nowhere' }),
      'MISSING_TRANSITION_TARGET',
    ],
    [
      'a state that nothing leads to',
      (of) => Object.assign(of.States, { Lost: { Type: 'Succeed' } }),
      'State Lost is not reachable',
    ],
    [
      'an expression that is no JSONata',
      (of) => Object.assign(begin(of), { Output: '{% $merge([ %}' }),
      '/States/Begin/Output is invalid',
    ],
    [
      'a field of JSONPath',
      (of) => Object.assign(begin(of), { ResultPath: '$.begun' }),
      '/States/Begin is invalid',
    ],
  ])('%s', (_what, change, complaint) => {
    const { isValid, errorsText } = validate(definition(change));
    expect(isValid).toBe(false);
    expect(errorsText('\n')).toContain(complaint);
  });
});
