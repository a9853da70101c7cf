/** `keyturn validate [file]`: every mistake in a keyturn.yaml, with its place; it asks nothing of AWS. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { type Reading, readKeyturnFile } from '../../config/keyturn-file.ts';
import { InvalidInput } from '../../rotation/errors.ts';
import { Failure } from '../failure.ts';
import { count } from '../format/count.ts';
import { examples, jsonOption, type StackOptions, type Surroundings, stackOption } from '../options.ts';

const defaultFile = 'keyturn.yaml';

export function addValidate(keyturn: Command, { host }: Surroundings): void {
  keyturn
    .command('validate')
    .description('Checks a keyturn.yaml: every mistake with its place. Needs no AWS.')
    .addArgument(new Argument('[file]', 'the file').default(defaultFile))
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['keyturn validate', 'check ./keyturn.yaml'],
        ['keyturn validate infra/keyturn.yaml --json', 'for programs; exit code 1 when there is a mistake'],
      ),
    )
    .action((file: string, { stack, json = false }: StackOptions) => {
      const { reading, mistakes } = validated(file, stack);
      const warnings = reading?.warnings ?? [];
      const credentials = Object.keys(reading?.config.credentials ?? {}).length;
      const ok = mistakes.length === 0;
      if (json) host.out(JSON.stringify({ ok, mistakes, warnings, credentials }));
      for (const line of json ? [] : [...mistakes, ...warnings.map((each) => `${each} (warning)`)])
        host.out(line);
      if (!ok) throw new Failure(`${file} has ${count(mistakes.length, 'mistake')}`);
      if (!json) host.out(`${file} is right: ${count(credentials, 'credential')}`);
    });
}

interface Validated {
  /** Undefined when there is a mistake. */
  readonly reading: Reading | undefined;
  readonly mistakes: readonly string[];
}

function validated(file: string, stack: string): Validated {
  try {
    return { reading: readFile(file, stack), mistakes: [] };
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    // The first line counts the others.
    return { reading: undefined, mistakes: error.message.split('\n').slice(1) };
  }
}

/** @throws Failure with exit code 2 when there is no such file; InvalidInput with every mistake in it. */
export function readFile(file: string, stack: string): Reading {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new Failure(`there is no file ${file}: name the one that declares your credentials`, 2);
  if (found.isDirectory())
    throw new Failure(`${file} is a directory: name the file in it, such as ${join(file, defaultFile)}`, 2);
  const text = readFileSync(file, 'utf8');
  if (isEmpty(text)) {
    const said = 'the file is empty: it needs "issuers" and "credentials", see docs/config.md and examples/';
    throw new InvalidInput(`${file} has a mistake:\n${file}:1:1 ${said}`);
  }
  return readKeyturnFile(text, { stack, fileName: file });
}

const isEmpty = (text: string): boolean => text.replace(/^(#.*|---)$/gm, '').trim() === '';
