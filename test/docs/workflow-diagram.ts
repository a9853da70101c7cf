/** A state machine's definition as a Mermaid state diagram. */
import type { Catcher, ChoiceState, State, States } from '../support/asl/definition.ts';

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
}

/** @param states as synthesized; edges that every Task has are left out, see `sharedCatches`. */
export function mermaid(states: States): string {
  return ['```mermaid', 'stateDiagram-v2', ...body(states, sharedCatches(states), '  '), '```'].join('\n');
}

/** Where every Task of the machine leads on the same errors: said once in words, instead of drawn ten times. */
export function sharedCatches({ States }: States): ReadonlyMap<string, string> {
  const tasks = Object.values(States).filter((state) => state.Type === 'Task');
  const keys = tasks.map(({ Catch }) => new Map(Catch.map((each) => [keyOf(each), each])));
  const [first = new Map<string, Catcher>(), ...others] = keys;
  const shared = [...first].filter(([key]) => others.every((each) => each.has(key)));
  return new Map(shared.map(([key, { Next }]) => [key, Next]));
}

const keyOf = ({ ErrorEquals, Next }: Catcher): string => `${[...ErrorEquals].sort().join(', ')} → ${Next}`;

function body(
  { StartAt, States }: States,
  shared: ReadonlyMap<string, string>,
  indent: string,
): readonly string[] {
  const lines = [
    ...Object.entries(States).flatMap(([name, state]) => declaration(name, state)),
    `[*] --> ${idOf(StartAt)}`,
    ...Object.entries(States)
      .flatMap(([name, state]) => edgesOf(name, state, shared))
      .map(({ from, to, label }) => `${from} --> ${to}${label ? ` : ${label}` : ''}`),
  ];
  return lines.map((line) => `${indent}${line}`);
}

/** Names have spaces, which ids must not; `Abandoned` and `Abandoned?` are two states. */
const idOf = (name: string): string =>
  name.replace('?', ' Or').replaceAll(/[^A-Za-z]+(.)?/g, (_, next: string = '') => next.toUpperCase());

function declaration(name: string, state: State): readonly string[] {
  if (state.Type === 'Choice') return [`state ${idOf(name)} <<choice>>`];
  const titled = `state "${name}" as ${idOf(name)}`;
  if (state.Type !== 'Map') return [titled];
  return [`${titled} {`, ...body(state.ItemProcessor, new Map(), '  '), '}'];
}

function edgesOf(name: string, state: State, shared: ReadonlyMap<string, string>): readonly Edge[] {
  const from = idOf(name);
  if (state.Type === 'Choice') return choiceEdges(from, state);
  const caught = 'Catch' in state ? state.Catch.filter((each) => !shared.has(keyOf(each))) : [];
  return [
    ...onward(from, state),
    ...caught.map(({ ErrorEquals, Next }) => ({ from, to: idOf(Next), label: errorsIn(ErrorEquals) })),
  ];
}

function onward(from: string, state: Exclude<State, ChoiceState>): readonly Edge[] {
  if ('Next' in state && state.Next !== undefined) return [{ from, to: idOf(state.Next) }];
  return [{ from, to: '[*]' }];
}

const errorsIn = (names: readonly string[]): string =>
  names.map((name) => (name === 'States.ALL' ? 'any other failure' : name)).join(', ');

/** Each condition compares the verdict's `next`, which is the best label that there is. */
function choiceEdges(from: string, { Choices, Default }: ChoiceState): readonly Edge[] {
  const edges = Choices.map(({ Condition, Next }) => {
    const [, label = Condition] = /\.next = '(\w+)'/.exec(Condition) ?? [];
    return { from, to: idOf(Next), label };
  });
  return Default === undefined ? edges : [...edges, { from, to: idOf(Default), label: 'otherwise' }];
}
