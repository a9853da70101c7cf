/** Mistakes in keyturn.yaml as its author wants to read them: all at once, with line, value and what was meant. */
import { closestMatch } from 'leven';
import * as z from 'zod';

/** A place in the file: keys and list positions from the root. */
export type Path = readonly PropertyKey[];

export interface Mistake {
  readonly path: Path;
  /** Whether the name at the path is wrong, or the value below it. */
  readonly of: 'key' | 'value';
  readonly text: string;
}

/** Collects mistakes. */
export type Report = (mistake: Mistake) => void;

/** Tells one place of a block a mistake. */
export type Tell = (path: Path, text: string) => void;

/** Reads `value` by its schema, reports every mistake, and returns undefined if there was one. */
export function read<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  path: Path,
  report: Report,
): z.output<Schema> | undefined {
  const allowed = new Map<unknown, readonly string[]>();
  const { data, error } = schema.safeParse(value, {
    reportInput: true,
    // Zod's finished issues no longer know the schema that made them, and so not what it would have allowed.
    error: ({ code, inst, input }) => {
      if (code === 'unrecognized_keys' && inst instanceof z.ZodObject)
        allowed.set(input, Object.keys(inst.shape));
      return undefined;
    },
  });
  for (const issue of error?.issues ?? []) {
    for (const mistake of mistakesOf(issue, path, allowed)) report(mistake);
  }
  return data;
}

/** `, did you mean "x"?` when a known name is near enough to be a slip of the finger; else nothing. */
export function didYouMean(received: string, known: readonly string[]): string {
  const nearest = closestMatch(received, known, {
    maxDistance: Math.max(2, Math.floor(received.length / 3)),
  });
  return nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`;
}

/** A value as the file might have it, cut to a line. */
function show(value: unknown): string {
  const json = JSON.stringify(value) ?? `${value}`;
  return json.length > 80 ? `${json.slice(0, 79)}…` : json;
}

type Issue = z.core.$ZodIssue;
type Allowed = ReadonlyMap<unknown, readonly string[]>;

function mistakesOf(issue: Issue, base: Path, allowed: Allowed): readonly Mistake[] {
  const path = [...base, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, allowed.get(issue.input) ?? []));
    case 'invalid_key':
      return [
        { path, of: 'key', text: `is no name: ${issue.issues.map(({ message }) => message).join(', ')}` },
      ];
    case 'invalid_union':
      return unionMistakes(issue, path, allowed);
    default:
      return [{ path, of: 'value', text: textOf(issue) }];
  }
}

function unknownKey(key: string, path: Path, known: readonly string[]): Mistake {
  const text = `is not known here${didYouMean(key, known)} (known: ${known.join(', ')})`;
  return { path: [...path, key], of: 'key', text };
}

/** Of several possible shapes the one is meant whose own kind the value has. */
function unionMistakes(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  allowed: Allowed,
): readonly Mistake[] {
  if ('options' in issue && issue.discriminator !== undefined) {
    const chosen = z.looseObject({}).safeParse(issue.input).data?.[issue.discriminator];
    return [
      {
        path,
        of: 'value',
        text:
          chosen === undefined ? missing(oneOf(issue.options ?? [])) : notOneOf(chosen, issue.options ?? []),
      },
    ];
  }
  const meant = issue.errors.find((issues) =>
    issues.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  if (meant) return meant.flatMap((inner) => mistakesOf(inner, path, allowed));
  const text =
    issue.input === undefined ? missing(issue.message) : `${isWrong(issue)}${nearestOption(issue)}`;
  return [{ path, of: 'value', text }];
}

function nearestOption({ input, errors }: Extract<Issue, { code: 'invalid_union' }>): string {
  const names = errors.flat().flatMap((inner) => (inner.code === 'invalid_value' ? inner.values : []));
  return typeof input === 'string' ? didYouMean(input, names.filter(isText)) : '';
}

function textOf(
  issue: Exclude<Issue, { code: 'unrecognized_keys' | 'invalid_key' | 'invalid_union' }>,
): string {
  if (issue.input === undefined && issue.code !== 'custom') return missing(expectationOf(issue));
  switch (issue.code) {
    case 'invalid_value':
      return notOneOf(issue.input, issue.values);
    case 'custom':
      return `${isWrong(issue)}${suggestion(issue.params)}`;
    default:
      return `is ${show(issue.input)}: ${expectationOf(issue)}`;
  }
}

function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input')
        ? `expected ${kinds[issue.expected] ?? issue.expected}`
        : issue.message;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return atLeast(issue);
    case 'too_big':
      return `expected at most ${issue.maximum}${issue.origin === 'array' ? ' entries' : ''}`;
    default:
      return issue.message;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  object: 'a map of fields',
  record: 'a map',
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

function atLeast({ origin, minimum }: Extract<Issue, { code: 'too_small' }>): string {
  if (origin === 'string') return 'expected some text';
  return origin === 'array' ? 'expected at least one entry' : `expected at least ${minimum}`;
}

const isText = (value: unknown): value is string => typeof value === 'string';

const missing = (expectation: string): string => `is missing: ${expectation}`;

/** Maps and lists are in the file to be seen; short values are repeated. */
const isWrong = ({ input, message }: Issue): string =>
  input === undefined || (typeof input === 'object' && input !== null)
    ? message
    : `is ${show(input)}: ${message}`;

const oneOf = (values: readonly unknown[]): string =>
  `expected ${values.map((value) => show(value)).join(' or ')}`;

function notOneOf(value: unknown, values: readonly unknown[]): string {
  const names = values.filter(isText);
  const hint = typeof value === 'string' ? didYouMean(value, names) : '';
  return `is ${show(value)}: ${oneOf(values)}${hint}`;
}

/** Some checks say what they were given and what they know. */
function suggestion(params: unknown): string {
  const { data } = z.object({ received: z.string(), known: z.array(z.string()) }).safeParse(params);
  return data ? didYouMean(data.received, data.known) : '';
}
