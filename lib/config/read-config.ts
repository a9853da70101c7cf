/** Makes the checked configuration out of a plain value, wherever that comes from. */
import type * as z from 'zod';
import { type IssuerBlock, issuerAccount, issuerBlockSchema, issuerCapabilities } from '../issuers/index.ts';
import type { Declaration } from '../rotation/credential.ts';
import { type TargetBlock, targetBlockSchema } from '../targets/index.ts';
import type { Seconds } from '../usage/instant.ts';
import {
  checkAccountsApart,
  checkIssuerBlock,
  checkParametersApart,
  checkSigningSecrets,
  checkTargetBlock,
} from './block-rules.ts';
import { declare, type SecretPrefix } from './declare.ts';
import { type Mistake, type Path, type Report, read } from './mistakes.ts';
import {
  checkCredential,
  checkCredentialsApart,
  checkKeep,
  checkPrefixesApart,
  checkRoomForAll,
} from './rules.ts';
import { credentialSchema, type FileShape, fileSchema, whatIsRight, wrongFileSchema } from './schema.ts';
import { warningsOf } from './warnings.ts';

/** keyturn.yaml with presets and defaults resolved and durations in seconds. */
export interface KeyturnConfig {
  readonly mode: Declaration['mode'];
  /** Secrets that keyturn may write. */
  readonly secrets: readonly SecretPrefix[];
  /** How the names of those begin. */
  readonly prefixes: readonly string[];
  /** How long the uses of each minute stay. */
  readonly usage: { readonly keep: Seconds };
  /** Issuer blocks by name, as their own schemas accept them: plain JSON. */
  readonly issuers: Readonly<Record<string, IssuerBlock>>;
  /** Whose keys each issuer block makes. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Target blocks by name, likewise. */
  readonly targets: Readonly<Record<string, TargetBlock>>;
  /** Declarations by credential id. */
  readonly credentials: Readonly<Record<string, Declaration>>;
}

export interface Findings {
  /** To be used only when there is no mistake. */
  readonly config: KeyturnConfig;
  readonly mistakes: readonly Mistake[];
  /** What is allowed and probably not meant. */
  readonly warnings: readonly Mistake[];
}

/** @param stack what `<stack>` stands for in the prefixes of secrets. */
export function readConfig(value: unknown, stack: string): Findings {
  const mistakes: Mistake[] = [];
  const report: Report = (mistake) => void mistakes.push(mistake);
  const file = readTop(value, report);
  const { mode } = file;
  const secrets = file.secrets.map((each) => secretPrefix(each, stack));
  checkPrefixesApart(secrets, report);
  checkKeep(file.usage, report);
  const issuers = readEach(issuerBlockSchema, file.issuers, ['issuers'], report);
  for (const [name, block] of issuers) checkIssuerBlock(name, block, { mode, secrets }, report);
  checkAccountsApart(issuers, report);
  const accounts = new Map([...issuers].map(([name, block]) => [name, issuerAccount(block)]));
  const targets = readEach(targetBlockSchema, file.targets, ['targets'], report);
  for (const [name, block] of targets) checkTargetBlock(name, block, { mode, secrets }, report);
  checkSigningSecrets(issuers, targets, report);
  const names = { issuerNames: Object.keys(file.issuers), targetNames: Object.keys(file.targets) };
  const capabilities = new Map([...issuers].map(([name, block]) => [name, issuerCapabilities(block)]));
  const around = { mode, secrets, capabilities, accounts, ...names };
  const parts = new Map(Object.entries(file.credentials).map(([id, block]) => [id, whatIsRight(block)]));
  for (const [id, part] of parts) checkCredential(id, part, around, report);
  checkCredentialsApart(parts, around, report);
  checkRoomForAll(parts, around, report);
  checkParametersApart(parts, targets, report);
  const blocks = readEach(credentialSchema, file.credentials, ['credentials'], report);
  const credentials = new Map([...blocks].map(([id, block]) => [id, declare(id, block, around)]));
  const config = {
    mode,
    secrets,
    prefixes: secrets.map(({ prefix }) => prefix),
    usage: file.usage,
    issuers: Object.fromEntries(issuers),
    accounts: Object.fromEntries(accounts),
    targets: Object.fromEntries(targets),
    credentials: Object.fromEntries(credentials),
  };
  return { config, mistakes, warnings: warningsOf(config, capabilities) };
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

function secretPrefix({ prefix, kmsKeyArn }: FileShape['secrets'][number], stack: string): SecretPrefix {
  return {
    prefix: prefix.replace('<stack>', stack),
    ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
  };
}
