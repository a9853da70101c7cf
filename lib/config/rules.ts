/** What must hold between the fields of keyturn.yaml. */
import { type IssuerBlock, issuerCapabilities, issuerPermissions } from '../issuers/index.ts';
import type { Declaration, Grace, Policy, SecretShape } from '../rotation/credential.ts';
import type { Capabilities } from '../rotation/ports.ts';
import type { Seconds } from '../usage/instant.ts';
import { policyOf, secretOf } from './declare.ts';
import { writeDuration } from './durations.ts';
import { didYouMean, type Path, type Report } from './mistakes.ts';
import { policyBounds } from './policy-presets.ts';
import type { CredentialBlock, RightParts } from './schema.ts';

/** What of the file a credential must fit to. */
export interface Surroundings {
  readonly mode: Declaration['mode'];
  /** None when `secrets:` itself is wrong. */
  readonly prefixes: readonly string[];
  /** Every name under `issuers:`, also of blocks that have mistakes of their own. */
  readonly issuerNames: readonly string[];
  /** Blocks without mistakes. */
  readonly issuers: ReadonlyMap<string, IssuerBlock>;
}

/** Tells one place of the file a mistake. */
type Tell = (path: Path, text: string) => void;

/** Reports what of a credential contradicts itself or the rest of the file; looks only at parts that are right. */
export function checkCredential(id: string, parts: RightParts, around: Surroundings, report: Report): void {
  const tell: Tell = (path, text) => report({ path: ['credentials', id, ...path], of: 'value', text });
  checkSecret(parts, secretOf(id, parts, around), around, tell);
  checkConsumers(parts.consumers, tell);
  const { issuer } = parts;
  const capabilities = issuer === undefined ? undefined : checkIssuer(issuer, around, tell);
  if (!parts.policy) return;
  const policy = policyOf(parts.policy, parts.privilege);
  checkPolicy(policy, around, tell);
  if (around.mode !== 'demo') checkGraceOutlasts(policy.grace, parts.consumers, capabilities, tell);
}

/** Two credentials would overwrite each other in one secret. */
export function checkSecretsApart(
  credentials: ReadonlyMap<string, RightParts>,
  around: Pick<Surroundings, 'prefixes'>,
  report: Report,
): void {
  const takenBy = new Map<string, string>();
  for (const [id, parts] of credentials) {
    const { name } = secretOf(id, parts, around);
    const other = takenBy.get(name);
    if (other !== undefined) {
      const text = `is ${JSON.stringify(name)}, which credential "${other}" has already: give each its own`;
      report({ path: ['credentials', id, 'secret', 'name'], of: 'value', text });
    }
    takenBy.set(name, other ?? id);
  }
}

/** What of an issuer block depends on the rest of the file. */
export function checkIssuerBlock(
  name: string,
  block: IssuerBlock,
  { mode, prefixes }: Pick<Surroundings, 'mode' | 'prefixes'>,
  report: Report,
): void {
  if (mode !== 'demo' && block.baseUrl.startsWith('http:')) {
    const text = `is ${JSON.stringify(block.baseUrl)}: expected https (http needs \`mode: demo\`)`;
    report({ path: ['issuers', name, 'baseUrl'], of: 'value', text });
  }
  const needs = Object.values(issuerPermissions(block)).flat();
  const admins = new Set(needs.flatMap((need) => (need.kind === 'secret-read' ? [need.secret] : [])));
  for (const admin of admins) {
    const prefix = prefixes.find((each) => admin.startsWith(each));
    // The steps that read keys may read everything below a prefix, and must not hold what makes keys.
    const text = `names ${JSON.stringify(admin)}, which is below the prefix ${JSON.stringify(prefix)} of the keys: keep admin secrets elsewhere`;
    if (prefix !== undefined) report({ path: ['issuers', name, 'admin'], of: 'value', text });
  }
}

/** Keys are told apart per block: two blocks on one account would each take the other's keys for strays. */
export function checkAccountsApart(issuers: ReadonlyMap<string, IssuerBlock>, report: Report): void {
  const takenBy = new Map<string, string>();
  for (const [name, block] of issuers) {
    const account = accountOf(block);
    const other = takenBy.get(account);
    if (other !== undefined) {
      const text = `is the same account as issuers.${other}: use one block, since keys are told apart per block`;
      report({ path: ['issuers', name], of: 'key', text });
    }
    takenBy.set(account, other ?? name);
  }
}

/** Who makes keys where: the same for two blocks whose keys the issuer would list together. */
function accountOf(block: IssuerBlock): string {
  const address = new URL(block.baseUrl).href.replace(/\/$/, '');
  return JSON.stringify([block.type, address, issuerPermissions(block).create]);
}

function checkSecret(
  { secret }: Pick<RightParts, 'secret'>,
  shape: SecretShape,
  { prefixes }: Surroundings,
  tell: Tell,
): void {
  if (prefixes.length > 0 && !prefixes.some((prefix) => shape.name.startsWith(prefix))) {
    const list = prefixes.map((prefix) => JSON.stringify(prefix)).join(' or ');
    tell(
      ['secret', 'name'],
      `is ${JSON.stringify(shape.name)}: expected it to begin with ${list} (see \`secrets:\`)`,
    );
  }
  if (shape.format === 'text') {
    for (const field of ['fields', 'constants'] as const) {
      if (secret?.[field]) tell(['secret', field], 'is for `format: json` only');
    }
    return;
  }
  const names = [...Object.values(shape.fields), ...Object.keys(shape.constants ?? {})];
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  for (const name of new Set(twice)) tell(['secret'], `writes the JSON field ${JSON.stringify(name)} twice`);
}

function checkConsumers(consumers: CredentialBlock['consumers'], tell: Tell): void {
  for (const [at, { name, presence, period }] of consumers.entries()) {
    if (consumers.findIndex((other) => other.name === name) < at) {
      tell(
        ['consumers', at, 'name'],
        `is ${JSON.stringify(name)}, which another consumer here has: names must differ`,
      );
    }
    if (presence === 'intermittent' && period === undefined) {
      tell(['consumers', at], 'is intermittent, so it needs a "period": how long it may go between two runs');
    }
    if (presence === 'continuous' && period !== undefined) {
      tell(['consumers', at, 'period'], 'is for `presence: intermittent` only');
    }
  }
}

function checkPolicy({ grace, rotateEvery }: Policy, { mode }: Surroundings, tell: Tell): void {
  const { graceFrom, graceTo, quietFrom, betweenRotations } = policyBounds;
  const wrong = (field: keyof Grace, expected: string) =>
    tell(['policy', 'grace', field], `is ${writeDuration(grace[field])}: expected ${expected}`);
  const demo = mode === 'demo';
  for (const field of ['min', 'max'] as const) {
    if (grace[field] > graceTo) wrong(field, `at most ${writeDuration(graceTo)}`);
    if (!demo && grace[field] < graceFrom)
      wrong(field, `at least ${writeDuration(graceFrom)}, outside \`mode: demo\``);
  }
  if (grace.min > grace.max) wrong('min', `no more than max (${writeDuration(grace.max)})`);
  if (grace.quiet > grace.max) wrong('quiet', `no more than max (${writeDuration(grace.max)})`);
  if (!demo && grace.quiet < quietFrom)
    wrong('quiet', `at least ${writeDuration(quietFrom)}, outside \`mode: demo\``);
  const margin = demo ? 0 : betweenRotations;
  if (rotateEvery > grace.max + margin) return;
  const expected = demo
    ? `more than grace.max (${writeDuration(grace.max)})`
    : `more than grace.max + 48h (${writeDuration(grace.max + margin)})`;
  tell(['policy', 'rotateEvery'], `is ${writeDuration(rotateEvery)}: expected ${expected}`);
}

function checkIssuer(
  issuer: string,
  { issuerNames, issuers }: Surroundings,
  tell: Tell,
): Capabilities | undefined {
  const wrong = (text: string) => tell(['issuer'], `is ${JSON.stringify(issuer)}, which ${text}`);
  if (!issuerNames.includes(issuer)) {
    const known = issuerNames.length === 0 ? 'none is declared' : `known: ${issuerNames.join(', ')}`;
    wrong(`is not under \`issuers:\`${didYouMean(issuer, issuerNames)} (${known})`);
  }
  const block = issuers.get(issuer);
  const capabilities = block && issuerCapabilities(block);
  if (capabilities && capabilities.maxLiveKeys < 2) {
    wrong('allows one live key (capabilities.maxLiveKeys): a planned rotation needs two');
  }
  if (capabilities?.create === 'api' && !capabilities.list) {
    wrong('has no `list` request: without it a key whose answer was lost could never be found');
  }
  return capabilities;
}

function checkGraceOutlasts(
  { max, quiet }: Grace,
  consumers: CredentialBlock['consumers'],
  capabilities: Capabilities | undefined,
  tell: Tell,
): void {
  const waits: readonly (readonly [what: string, Seconds])[] = [
    ['quiet', quiet],
    ...consumers.flatMap(({ name, period }) =>
      period === undefined ? [] : [[`period of ${name}`, period] as const],
    ),
    ["the issuer's createLag", capabilities?.createLag ?? 0],
    ["the issuer's revokeLag", capabilities?.revokeLag ?? 0],
  ];
  for (const [what, seconds] of waits) {
    const least = seconds + policyBounds.beyondSilence;
    if (max >= least) continue;
    tell(
      ['policy', 'grace'],
      `has max ${writeDuration(max)}: expected at least ${writeDuration(least)}, which is ${what} + 1h`,
    );
  }
}
