/** One verb per step, the same everywhere; one word per thing, in the glossary. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { credentialStatuses } from '../../lib/rotation/credential.ts';
import * as errors from '../../lib/rotation/errors.ts';
import { keyStatuses } from '../../lib/rotation/key.ts';
import { outgoingEvents, phases } from '../../lib/rotation/rotation.ts';
import { type StepName, steps } from '../../lib/workflow/steps.ts';

const root = join(import.meta.dirname, '..', '..');
const stepNames = Object.keys(steps) as StepName[];
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const glossary = readFileSync(join(root, 'docs', 'glossary.md'), 'utf8');

describe.each(stepNames)('step %s', (name) => {
  it('is a use-case of its name in lib/rotation', async () => {
    const module: Record<string, unknown> = await import(`../../lib/rotation/${kebab(name)}.ts`);
    expect(module[name]).toBeTypeOf('function');
  });

  it('is a handler of its name in lambdas', () => {
    expect(existsSync(join(root, 'lambdas', `${kebab(name)}.ts`))).toBe(true);
  });
});

describe('the glossary', () => {
  const errorNames = Object.values(errors).flatMap((value) =>
    typeof value === 'function' ? [new (value as new () => Error)().name] : [],
  );

  it.each([...phases, ...keyStatuses, ...credentialStatuses, ...errorNames, ...outgoingEvents])(
    'explains `%s`',
    (word) => {
      expect(glossary).toContain(`\`${word}\``);
    },
  );
});

describe('errors', () => {
  it.each(Object.entries(errors).filter(([, value]) => typeof value === 'function'))(
    '%s carries its own name, by which Step Functions routes',
    (name, value) => {
      expect(new (value as new () => Error)().name).toBe(name);
    },
  );
});
