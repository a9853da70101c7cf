/** docs/workflow.md: the synthesized state machine as a diagram, and each step with what its failures lead to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { span } from '../../lib/usage/span.ts';
import { type StepName, steps } from '../../lib/workflow/steps.ts';
import type { Retrier, States, TaskState } from '../support/asl/definition.ts';
import { stepOf } from '../support/asl/synthesized.ts';
import { mermaid, sharedCatches } from './workflow-diagram.ts';

const lib = join(import.meta.dirname, '..', '..', 'lib', 'rotation');

export function workflowPage(machine: States): string {
  const tasks = tasksIn(machine);
  const shared = sharedCatches(machine);
  return `# The rotation workflow

<!-- Made from the synthesized state machine and the docstrings of lib/rotation by test/docs/workflow-page.ts: change
     it there. \`npm run docs\` writes it anew. -->

One Step Functions Standard state machine runs every rotation, adoption and retirement. Its state carries ids and the
last step's verdict, never a secret. A label on an arrow is that verdict, or the error that leads there.

${mermaid(machine)}

Not drawn, since it is the same for every step: ${[...shared.keys()].map((key) => `\`${key}\``).join('; ')}.

- **Before the commit point** (Promote key's write of phase \`promoting\`) a failure ends in Abandon: the new key is
  revoked and proven dead, consumers never knew of it.
- **After it** nothing is abandoned. The step is tried for 30 days; an execution that ends by force is replaced by a new
  run, which Begin lets go on where it was.
- **Past the deadline** the execution waits in Ask owner. The task's token only wakes: the answer stands in the ledger,
  and Check drain follows it. An hour without one is no failure: it looks at the drain again, and reminds its owner each day.
- **Where the issuer can disable,** a drained key is disabled and observed before it is revoked. What Check breakage has
  found stands in the ledger too: Revoke key and Prove dead pass on what is not theirs, so that the good way needs no
  choice between them.
- **Every step can run twice,** or die anywhere and run again, with one effect. Each text below says how.

${tasks.map((task) => section(task, shared)).join('\n\n')}

## What all steps share

A step works under a lease of its rotation: a second invocation gets \`StepBusy\` until the first has ended or died.
Every change of the ledger is one transaction that checks the credential's epoch and the rotation's run, and adds one
audit record. Events go out before the step ends; what a dead step had written but not sent is sent by the next one.
[Errors](errors.md) says what each name means.
`;
}

interface Named {
  readonly title: string;
  readonly step: StepName;
  readonly task: TaskState;
}

/** Those within a Map as well, in the order of \`steps\`. */
function tasksIn({ States }: States): readonly Named[] {
  const found = Object.entries(States).flatMap(([title, state]): readonly Named[] => {
    if (state.Type === 'Map') return tasksIn(state.ItemProcessor);
    return state.Type === 'Task' ? [{ title, step: stepOf(state.Arguments.FunctionName), task: state }] : [];
  });
  const order = Object.keys(steps);
  return found.toSorted((a, b) => order.indexOf(a.step) - order.indexOf(b.step));
}

const section = ({ title, step, task }: Named, shared: ReadonlyMap<string, string>): string =>
  `## ${title}

${docstringOf(step)}

Up to ${span(steps[step].timeout)}. Uses ${steps[step].uses.map((use) => `\`${use}\``).join(', ')}.

| Failure | Tried again | Then |
|---|---|---|
${failures(task, shared).join('\n')}`;

/** What stands before the use-case in its file, without its tags. */
function docstringOf(step: StepName): string {
  const file = `${step.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;
  const source = readFileSync(join(lib, file), 'utf8');
  const [before = ''] = source.split(new RegExp(`\\nexport (?:async )?function ${step}\\(`));
  const lines = before.slice(before.lastIndexOf('/**') + 3, before.lastIndexOf('*/')).split('\n');
  const text = lines.map((line) => line.replace(/^ \* ?/, '').trimEnd());
  const firstTag = text.findIndex((line) => line.startsWith('@'));
  return unwrapped((firstTag < 0 ? text : text.slice(0, firstTag)).join('\n').trim());
}

/** A line that goes on with the sentence before it is joined to that; numbered lines stay. */
const unwrapped = (text: string): string => text.replaceAll(/(?<!\n)\n(?!\n|\d\. )\s*/g, ' ');

/** One row for each list of errors that Retry or Catch names; retriers and catchers match in their own order. */
function failures({ Retry, Catch }: TaskState, shared: ReadonlyMap<string, string>): readonly string[] {
  const named = new Set([...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals));
  const rows = new Map<string, string[]>();
  for (const name of named) {
    const way = `${triesOf(firstFor(Retry, name))} | ${nextOf(firstFor(Catch, name)?.Next, shared)}`;
    rows.set(way, [...(rows.get(way) ?? []), name]);
  }
  return [...rows].map(([way, names]) => `| ${names.map(failureWords).join(', ')} | ${way} |`);
}

const firstFor = <Rule extends { readonly ErrorEquals: readonly string[] }>(
  rules: readonly Rule[],
  name: string,
): Rule | undefined =>
  rules.find(({ ErrorEquals }) => ErrorEquals.includes(name) || ErrorEquals.includes('States.ALL'));

const failureWords = (name: string): string => (name === 'States.ALL' ? 'anything else' : `\`${name}\``);

const nextOf = (next: string | undefined, shared: ReadonlyMap<string, string>): string => {
  if (next === undefined) return 'the execution fails; the sweep resumes it';
  return [...shared.values()].includes(next) ? 'ends without effect' : next;
};

/** \`MaxAttempts\` tries, with waits that grow to \`MaxDelaySeconds\`. */
function triesOf(retry: Retrier | undefined): string {
  if (!retry || retry.MaxAttempts === 0) return 'never';
  const { MaxAttempts, IntervalSeconds, BackoffRate, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retry;
  const waits = Array.from({ length: MaxAttempts }, (_, tries) =>
    Math.min(IntervalSeconds * BackoffRate ** tries, MaxDelaySeconds),
  );
  const total = waits.reduce((sum, wait) => sum + wait, 0);
  const longest = Math.max(...waits);
  const pace =
    longest === IntervalSeconds
      ? `every ${span(longest)}`
      : `after ${span(IntervalSeconds)} … ${span(longest)}`;
  return `${MaxAttempts} times, ${pace}, over ${retry.JitterStrategy === 'FULL' ? 'up to ' : ''}${span(total)}`;
}
