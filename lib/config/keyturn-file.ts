/**
 * Reads keyturn.yaml, or the same as an object: either everything in it is right, or one error names everything that
 * is not.
 */
import { InvalidInput } from '../rotation/errors.ts';
import type { Mistake, Path } from './mistakes.ts';
import { type Place, readYaml, type YamlText } from './places.ts';
import { type KeyturnConfig, readConfig } from './read-config.ts';
import type { KeyturnInput } from './schema.ts';

export interface FileOptions {
  /** Name of the stack, which the default prefix of secrets contains. */
  readonly stack: string;
  /** What errors call the file. @default 'keyturn.yaml' */
  readonly fileName?: string;
}

/** A configuration without mistakes. */
export interface Reading {
  readonly config: KeyturnConfig;
  /** What is allowed and probably not meant, a line each, with its place if it has one. */
  readonly warnings: readonly string[];
  /** As it was written, before defaults. */
  readonly input: KeyturnInput;
}

/** `readKeyturnFile` for who wants no warnings. */
export const parseKeyturnFile = (text: string, options: FileOptions): KeyturnConfig =>
  readKeyturnFile(text, options).config;

/**
 * @throws InvalidInput with one line per mistake: `keyturn.yaml:12:5 credentials.billing.isuer is not known here,
 * did you mean "issuer"?`
 */
export function readKeyturnFile(text: string, { stack, fileName = 'keyturn.yaml' }: FileOptions): Reading {
  const yaml = readYaml(text);
  const inOrder = (placed: readonly Placed[]): readonly string[] =>
    placed
      .toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column)
      .map(({ place, text }) => `${fileName}:${place.line}:${place.column} ${text}`);
  if (yaml.syntax.length > 0) throw wrong(fileName, inOrder(yaml.syntax));
  const { config, mistakes, warnings } = readConfig(yaml.value, stack);
  if (mistakes.length > 0) throw wrong(fileName, inOrder(mistakes.map((each) => placed(each, yaml))));
  return {
    config,
    warnings: inOrder(warnings.map((each) => placed(each, yaml))),
    // Without mistakes it is what the schema reads, which for YAML only that schema can tell.
    input: yaml.value as KeyturnInput,
  };
}

/**
 * The same checks for what is written in TypeScript, whose types see less than they do.
 * @throws InvalidInput as `readKeyturnFile` does, without places.
 */
export function readKeyturnObject(input: KeyturnInput, { stack }: Pick<FileOptions, 'stack'>): Reading {
  const { config, mistakes, warnings } = readConfig(input, stack);
  if (mistakes.length > 0) throw wrong('the config', mistakes.map(describe));
  return { config, warnings: warnings.map(describe), input };
}

interface Placed {
  readonly place: Place;
  readonly text: string;
}

const placed = (mistake: Mistake, yaml: YamlText): Placed => ({
  place: yaml.placeOf(mistake),
  text: describe(mistake),
});

function wrong(what: string, lines: readonly string[]): InvalidInput {
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`;
  return new InvalidInput([`${what} has ${count}:`, ...lines].join('\n'));
}

const describe = ({ path, text }: Mistake): string => `${writePath(path)} ${text}`.trimStart();

/** `credentials.billing.consumers[0].name`; the file itself is `the file`. */
function writePath(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text.replace(/^\./, '') || 'the file';
}
