/** Makes the ledger's declaration of a credential out of its block in keyturn.yaml. */
import type { Declaration, Policy, SecretShape } from '../rotation/credential.ts';
import type { Consumer } from '../usage/presence.ts';
import {
  defaultGrace,
  defaultLostAfter,
  defaultObserve,
  defaultRotateEvery,
  gracePresets,
  reportEvery,
} from './policy-presets.ts';
import type { CredentialBlock, RightParts } from './schema.ts';

/** Secrets that keyturn may write: names that begin with the prefix. */
export interface SecretPrefix {
  readonly prefix: string;
  /** Encrypts new secrets below it. Absent: the stack's own key. */
  readonly kmsKeyArn?: string;
}

/** What of the file's own fields a declaration takes in. */
interface Surroundings {
  readonly mode: Declaration['mode'];
  /** The first one is the default's. */
  readonly secrets: readonly SecretPrefix[];
  /** Whose keys each issuer block makes; none for a block with mistakes. */
  readonly accounts: ReadonlyMap<string, string>;
}

/** A credential with all presets and defaults resolved. */
export function declare(id: string, block: CredentialBlock, around: Surroundings): Declaration {
  const { issuer, owner, privilege, consumers, targets, adopt } = block;
  const account = around.accounts.get(issuer);
  return {
    mode: around.mode,
    issuer,
    ...(account === undefined ? {} : { account }),
    owner: { name: owner.name, ...(owner.notify === undefined ? {} : { notify: owner.notify }) },
    privilege,
    secret: secretOf(id, block, around),
    policy: policyOf(block.policy, privilege, around.mode),
    consumers: consumers.map((consumer) => consumerOf(consumer, around)),
    ...(targets.length === 0 ? {} : { targets }),
    ...(adopt && { adopt }),
    reportEvery: reportEvery[around.mode],
  };
}

/** The policy with its preset and defaults resolved. */
export function policyOf(
  policy: CredentialBlock['policy'],
  privilege: Declaration['privilege'],
  mode: Declaration['mode'],
): Policy {
  const { rotateEvery = defaultRotateEvery[privilege], grace = defaultGrace, keyTtl, window } = policy;
  const { atDeadline, observe = defaultObserve[mode] } = policy;
  return {
    rotateEvery,
    grace: typeof grace === 'string' ? gracePresets[grace] : grace,
    // What holds anyway is left out: a declaration from before these were known says the same.
    ...(atDeadline === 'ask' ? {} : { atDeadline }),
    ...(observe === defaultObserve.production ? {} : { observe }),
    ...(keyTtl === undefined ? {} : { keyTtl }),
    ...(window && { windows: window }),
  };
}

/** The secret's name and shape, defaults resolved. */
export function secretOf(
  id: string,
  { secret }: Pick<RightParts, 'secret'>,
  { secrets }: Pick<Surroundings, 'secrets'>,
): SecretShape {
  const { name = `${secrets[0]?.prefix ?? ''}${id}`, format = 'json', constants } = secret ?? {};
  const kmsKeyArn = longestFitting(secrets, name)?.kmsKeyArn;
  const place = { name, ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }) };
  if (format === 'text') return { ...place, format };
  const { secret: value, keyId, generation } = secret?.fields ?? defaultFields;
  const optional = {
    ...(keyId === undefined ? {} : { keyId }),
    ...(generation === undefined ? {} : { generation }),
  };
  return { ...place, format, fields: { secret: value, ...optional }, ...(constants ? { constants } : {}) };
}

const defaultFields = { secret: 'apiKey', keyId: 'keyId', generation: 'generation' } as const;

function longestFitting(secrets: readonly SecretPrefix[], name: string): SecretPrefix | undefined {
  const fitting = secrets.filter(({ prefix }) => name.startsWith(prefix));
  return fitting.toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}

function consumerOf(
  consumer: CredentialBlock['consumers'][number],
  { mode }: Pick<Surroundings, 'mode'>,
): Consumer {
  const { name, role, roleId, presence, period, lostAfter = defaultLostAfter[mode] } = consumer;
  return {
    name,
    ...(role === undefined ? {} : { role }),
    ...(roleId === undefined ? {} : { roleId }),
    presence,
    ...(period === undefined ? {} : { period }),
    lostAfter,
  };
}
