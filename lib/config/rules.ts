/** What must hold between a credential's fields, and between credentials. */
import type { Declaration, SecretShape } from '../rotation/credential.ts';
import type { Capabilities } from '../rotation/ports.ts';
import { policyOf, type SecretPrefix, secretOf } from './declare.ts';
import { writeDuration } from './durations.ts';
import { didYouMean, type Report, type Tell } from './mistakes.ts';
import { policyBounds } from './policy-presets.ts';
import { checkPolicy } from './policy-rules.ts';
import type { CredentialBlock, FileShape, RightParts } from './schema.ts';

/** What of the file a credential must fit to. */
export interface Surroundings {
  readonly mode: Declaration['mode'];
  /** None when `secrets:` itself is wrong. */
  readonly secrets: readonly SecretPrefix[];
  /** Every name under `issuers:`, also of blocks that have mistakes of their own. */
  readonly issuerNames: readonly string[];
  /** Of blocks without mistakes. */
  readonly capabilities: ReadonlyMap<string, Capabilities>;
  /** Every name under `targets:`, as `issuerNames`. */
  readonly targetNames: readonly string[];
}

/** Reports what of a credential contradicts itself or the rest of the file; looks only at parts that are right. */
export function checkCredential(id: string, parts: RightParts, around: Surroundings, report: Report): void {
  const tell: Tell = (path, text) => report({ path: ['credentials', id, ...path], of: 'value', text });
  checkSecret(parts, secretOf(id, parts, around), around, tell);
  checkConsumers(parts.consumers, around, tell);
  checkTargets(parts.targets, around.targetNames, tell);
  checkAdoption(parts, tell);
  const { issuer, consumers } = parts;
  const capabilities = issuer === undefined ? undefined : checkIssuer(issuer, around, tell);
  if (capabilities?.keyIdInCalls) checkKeyIdWritten(secretOf(id, parts, around), tell);
  if (!parts.policy) return;
  const policy = policyOf(parts.policy, parts.privilege, around.mode);
  checkPolicy(policy, { mode: around.mode, consumers, capabilities }, tell);
}

/** Two credentials would overwrite each other in one secret, and fight for one key. */
export function checkCredentialsApart(
  credentials: ReadonlyMap<string, RightParts>,
  around: Pick<Surroundings, 'secrets'>,
  report: Report,
): void {
  const takenBy = new Map<string, string>();
  const take = (id: string, what: string, value: string, path: readonly string[]): void => {
    const other = takenBy.get(what);
    if (other !== undefined) {
      const text = `is ${JSON.stringify(value)}, which credential "${other}" has already: give each its own`;
      report({ path: ['credentials', id, ...path], of: 'value', text });
    }
    takenBy.set(what, other ?? id);
  };
  for (const [id, parts] of credentials) {
    const { name } = secretOf(id, parts, around);
    take(id, `secret ${name}`, name, ['secret', 'name']);
    const { adopt, issuer } = parts;
    if (adopt) take(id, `key ${issuer} ${adopt.keyId}`, adopt.keyId, ['adopt', 'keyId']);
  }
}

/** Which of two equal prefixes would give the KMS key? */
export function checkPrefixesApart(secrets: readonly SecretPrefix[], report: Report): void {
  const prefixes = secrets.map(({ prefix }) => prefix);
  for (const [at, prefix] of prefixes.entries()) {
    if (prefixes.indexOf(prefix) === at) continue;
    const text = `is ${JSON.stringify(prefix)}, which stands above already`;
    report({ path: ['secrets', at, 'prefix'], of: 'value', text });
  }
}

/** Rows that go sooner would leave a chart of one rotation without its beginning; rows that stay longer are paid for. */
export function checkKeep({ keep }: FileShape['usage'], report: Report): void {
  const { keepFrom, keepTo } = policyBounds;
  if (keep >= keepFrom && keep <= keepTo) return;
  const text = `is ${writeDuration(keep)}: expected ${writeDuration(keepFrom)} to ${writeDuration(keepTo)}`;
  report({ path: ['usage', 'keep'], of: 'value', text });
}

function checkSecret(
  { secret }: Pick<RightParts, 'secret'>,
  shape: SecretShape,
  { secrets }: Surroundings,
  tell: Tell,
): void {
  if (secrets.length > 0 && !secrets.some(({ prefix }) => shape.name.startsWith(prefix))) {
    const list = secrets.map(({ prefix }) => JSON.stringify(prefix)).join(' or ');
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

function checkConsumers(
  consumers: CredentialBlock['consumers'],
  { mode }: Pick<Surroundings, 'mode'>,
  tell: Tell,
): void {
  const least = mode === 'demo' ? 0 : policyBounds.lostAfterFrom;
  for (const [at, consumer] of consumers.entries()) {
    const { name, role, roleId, presence, period, lostAfter = least } = consumer;
    if (consumers.findIndex((other) => other.name === name) < at) {
      tell(
        ['consumers', at, 'name'],
        `is ${JSON.stringify(name)}, which another consumer here has: names must differ`,
      );
    }
    if (roleId !== undefined && role === undefined) {
      tell(
        ['consumers', at, 'roleId'],
        `is ${JSON.stringify(roleId)}: expected "role" beside it, the ARN of the role`,
      );
    }
    if (presence === 'intermittent' && period === undefined) {
      tell(['consumers', at], 'is intermittent, so it needs a "period": how long it may go between two runs');
    }
    if (presence === 'continuous' && period !== undefined) {
      tell(['consumers', at, 'period'], 'is for `presence: intermittent` only');
    }
    if (lostAfter < least) {
      const why = `a client may use a key for ${writeDuration(least)} without a report`;
      tell(
        ['consumers', at, 'lostAfter'],
        `is ${writeDuration(lostAfter)}: expected at least ${writeDuration(least)}, outside \`mode: demo\`, since ${why}`,
      );
    }
  }
}

function checkTargets(targets: readonly string[], known: readonly string[], tell: Tell): void {
  for (const [at, name] of targets.entries()) {
    const wrong = (text: string) => tell(['targets', at], `is ${JSON.stringify(name)}, which ${text}`);
    if (targets.indexOf(name) < at) wrong('is in the list already');
    else if (!known.includes(name)) wrong(notUnder('targets', name, known));
  }
}

/** The default name of a secret is one that keyturn makes: what is adopted has a name already. */
function checkAdoption({ adopt, secret }: RightParts, tell: Tell): void {
  if (adopt && secret?.name === undefined) {
    tell(['adopt'], 'needs "secret.name": the secret that holds the key now');
  }
}

/** What to say of a name that no block has. */
function notUnder(section: 'issuers' | 'targets', name: string, known: readonly string[]): string {
  const list = known.length === 0 ? 'none is declared' : `known: ${known.join(', ')}`;
  return `is not under \`${section}:\`${didYouMean(name, known)} (${list})`;
}

/** Each credential has a key, and the one that rotates has two. */
export function checkRoomForAll(
  credentials: ReadonlyMap<string, RightParts>,
  { capabilities }: Pick<Surroundings, 'capabilities'>,
  report: Report,
): void {
  const users = Map.groupBy([...credentials.values()], ({ issuer }) => issuer);
  for (const [issuer, { maxLiveKeys }] of capabilities) {
    const count = users.get(issuer)?.length ?? 0;
    if (count < 2 || count + 1 <= maxLiveKeys) continue;
    const text = `allows ${maxLiveKeys} keys and has ${count} credentials: a rotation needs room for one key more, so expected at least ${count + 1} (or fewer credentials on this account)`;
    report({ path: ['issuers', issuer], of: 'key', text });
  }
}

/** A secret that its consumers cannot call with. */
function checkKeyIdWritten(shape: SecretShape, tell: Tell): void {
  if (shape.format === 'json' && shape.fields.keyId !== undefined) return;
  tell(
    ['secret'],
    'has no field for the key id, which consumers of this issuer need beside the secret: use `format: json` with `fields: { secret, keyId }`',
  );
}

function checkIssuer(
  issuer: string,
  { issuerNames, ...around }: Pick<Surroundings, 'issuerNames' | 'capabilities'>,
  tell: Tell,
): Capabilities | undefined {
  const wrong = (text: string) => tell(['issuer'], `is ${JSON.stringify(issuer)}, which ${text}`);
  if (!issuerNames.includes(issuer)) wrong(notUnder('issuers', issuer, issuerNames));
  const capabilities = around.capabilities.get(issuer);
  if (capabilities && capabilities.maxLiveKeys < 2) {
    wrong('allows one live key (capabilities.maxLiveKeys): a planned rotation needs two');
  }
  if (capabilities?.create === 'api' && !capabilities.list) {
    wrong('has no `list` request: without it a key whose answer was lost could never be found');
  }
  return capabilities;
}
