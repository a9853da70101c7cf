/** Reads keyturn.yaml: either everything in it is right, or one error names everything that is not. */
import type * as z from 'zod';
import { type IssuerBlock, issuerBlockSchema } from '../issuers/index.ts';
import type { Declaration } from '../rotation/credential.ts';
import { InvalidInput } from '../rotation/errors.ts';
import { declare } from './declare.ts';
import { type Mistake, type Path, type Report, read } from './mistakes.ts';
import { type Place, readYaml, type YamlText } from './places.ts';
import { checkAccountsApart, checkCredential, checkIssuerBlock, checkSecretsApart } from './rules.ts';
import { credentialSchema, type FileShape, fileSchema, whatIsRight, wrongFileSchema } from './schema.ts';

/** keyturn.yaml with presets and defaults resolved and durations in seconds. */
export interface KeyturnConfig {
  readonly mode: Declaration['mode'];
  /** Secrets that keyturn may write: names that begin with a prefix. */
  readonly secrets: readonly { readonly prefix: string }[];
  /** Issuer blocks by name, as their own schemas accept them: plain JSON. */
  readonly issuers: Readonly<Record<string, IssuerBlock>>;
  /** Declarations by credential id. */
  readonly credentials: Readonly<Record<string, Declaration>>;
}

export interface FileOptions {
  /** Name of the stack, which the default prefix of secrets contains. */
  readonly stack: string;
  /** What errors call the file. @default 'keyturn.yaml' */
  readonly fileName?: string;
}

/**
 * @throws InvalidInput with one line per mistake: `keyturn.yaml:12:5 credentials.billing.isuer is not known here,
 * did you mean "issuer"?`
 */
export function parseKeyturnFile(
  text: string,
  { stack, fileName = 'keyturn.yaml' }: FileOptions,
): KeyturnConfig {
  const yaml = readYaml(text);
  const mistakes: Mistake[] = [];
  const config =
    yaml.syntax.length > 0 ? undefined : readFile(yaml.value, stack, (mistake) => mistakes.push(mistake));
  if (config && mistakes.length === 0) return config;
  throw new InvalidInput(describe(fileName, [...yaml.syntax, ...mistakes.map((each) => placed(each, yaml))]));
}

function readFile(value: unknown, stack: string, report: Report): KeyturnConfig | undefined {
  const file = readTop(value, report);
  const { mode } = file;
  const secrets = file.secrets.map(({ prefix }) => ({ prefix: prefix.replace('<stack>', stack) }));
  const prefixes = secrets.map(({ prefix }) => prefix);
  const issuers = readEach(issuerBlockSchema, file.issuers, ['issuers'], report);
  for (const [name, block] of issuers) checkIssuerBlock(name, block, { mode, prefixes }, report);
  checkAccountsApart(issuers, report);
  const around = { mode, prefixes, issuers, issuerNames: Object.keys(file.issuers) };
  const parts = new Map(Object.entries(file.credentials).map(([id, block]) => [id, whatIsRight(block)]));
  for (const [id, part] of parts) checkCredential(id, part, around, report);
  checkSecretsApart(parts, around, report);
  const blocks = readEach(credentialSchema, file.credentials, ['credentials'], report);
  const credentials = new Map([...blocks].map(([id, block]) => [id, declare(id, block, around)]));
  return {
    mode,
    secrets,
    issuers: Object.fromEntries(issuers),
    credentials: Object.fromEntries(credentials),
  };
}

/** The file's own fields; when some are wrong, what can be told of the rest, so that its mistakes show as well. */
function readTop(value: unknown, report: Report): FileShape {
  return read(fileSchema, value, [], report) ?? wrongFileSchema.parse(value);
}

function readEach<Schema extends z.ZodType>(
  schema: Schema,
  blocks: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report,
): ReadonlyMap<string, z.output<Schema>> {
  const right = new Map<string, z.output<Schema>>();
  for (const [name, block] of Object.entries(blocks)) {
    const data = read(schema, block, [...path, name], report);
    if (data !== undefined) right.set(name, data);
  }
  return right;
}

interface Placed {
  readonly place: Place;
  readonly text: string;
}

function placed(mistake: Mistake, yaml: YamlText): Placed {
  const at = writePath(mistake.path);
  return { place: yaml.placeOf(mistake), text: `${at} ${mistake.text}`.trimStart() };
}

function describe(fileName: string, mistakes: readonly Placed[]): string {
  const inOrder = mistakes.toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const lines = inOrder.map(({ place, text }) => `${fileName}:${place.line}:${place.column} ${text}`);
  return [`${fileName} has ${lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`}:`, ...lines].join(
    '\n',
  );
}

/** `credentials.billing.consumers[0].name`; the file itself is `the file`. */
function writePath(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text.replace(/^\./, '') || 'the file';
}
