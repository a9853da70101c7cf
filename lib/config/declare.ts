/** Makes the ledger's declaration of a credential out of its block in keyturn.yaml. */
import type { Declaration, Policy, SecretShape } from '../rotation/credential.ts';
import type { Consumer } from '../usage/presence.ts';
import {
  defaultGrace,
  defaultLostAfter,
  defaultRotateEvery,
  gracePresets,
  reportEvery,
} from './policy-presets.ts';
import type { CredentialBlock, RightParts } from './schema.ts';

/** What of the file's own fields a declaration takes in. */
interface Surroundings {
  readonly mode: Declaration['mode'];
  /** Prefixes of secret names; the first one is the default's. */
  readonly prefixes: readonly string[];
}

/** A credential with all presets and defaults resolved. */
export function declare(id: string, block: CredentialBlock, around: Surroundings): Declaration {
  const { issuer, owner, privilege, consumers } = block;
  return {
    mode: around.mode,
    issuer,
    owner: { name: owner.name, ...(owner.notify === undefined ? {} : { notify: owner.notify }) },
    privilege,
    secret: secretOf(id, block, around),
    policy: policyOf(block.policy, privilege),
    consumers: consumers.map((consumer) => consumerOf(consumer, around)),
    reportEvery: reportEvery[around.mode],
  };
}

/** The policy with its preset and defaults resolved. */
export function policyOf(policy: CredentialBlock['policy'], privilege: Declaration['privilege']): Policy {
  const { rotateEvery = defaultRotateEvery[privilege], grace = defaultGrace } = policy;
  return { rotateEvery, grace: typeof grace === 'string' ? gracePresets[grace] : grace };
}

/** The secret's name and shape, defaults resolved. */
export function secretOf(
  id: string,
  { secret }: Pick<RightParts, 'secret'>,
  { prefixes: [first = ''] }: Pick<Surroundings, 'prefixes'>,
): SecretShape {
  const { name = `${first}${id}`, format = 'json', constants } = secret ?? {};
  if (format === 'text') return { name, format };
  const { secret: value, keyId, generation } = secret?.fields ?? defaultFields;
  const optional = {
    ...(keyId === undefined ? {} : { keyId }),
    ...(generation === undefined ? {} : { generation }),
  };
  return { name, format, fields: { secret: value, ...optional }, ...(constants ? { constants } : {}) };
}

const defaultFields = { secret: 'apiKey', keyId: 'keyId', generation: 'generation' } as const;

function consumerOf(
  consumer: CredentialBlock['consumers'][number],
  { mode }: Pick<Surroundings, 'mode'>,
): Consumer {
  const { name, role, presence, period, lostAfter = defaultLostAfter[mode] } = consumer;
  return {
    name,
    ...(role === undefined ? {} : { role }),
    presence,
    ...(period === undefined ? {} : { period }),
    lostAfter,
  };
}
