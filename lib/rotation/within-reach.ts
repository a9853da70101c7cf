/** What a deploy may not take away: a key that lives must stay within reach until it is dead. */
import type { Credential, Declaration } from './credential.ts';
import { InvalidInput } from './errors.ts';
import { isLive } from './key.ts';
import type { Ports } from './ports.ts';
import type { Registration } from './register-credentials.ts';

/**
 * A key that lives, or that a rotation may just be making, can be revoked only through the block that it was made
 * with, and proven dead only where its value can be read.
 * @throws InvalidInput
 */
export async function checkWithinReach(
  { ledger }: Pick<Ports, 'ledger'>,
  known: ReadonlyMap<string, Credential>,
  registration: Registration,
): Promise<void> {
  for (const credential of known.values()) {
    if (credential.status === 'retired') continue;
    const lost = outOfReach(credential.declaration, registration);
    if (!lost) continue;
    const { id, activeRotation } = credential;
    const live = (await ledger.load(id))?.keys.find(isLive);
    if (!live && !activeRotation) continue;
    const what = live
      ? `key ${live.keyId} of credential "${id}" lives there`
      : `credential "${id}" is getting a key there`;
    throw new InvalidInput(
      `${lost}, but ${what} and could not be revoked: put it back until the key is dead ("keyturn status ${id}")`,
    );
  }
}

/** What the new declarations take away from under a credential, in words. */
function outOfReach(
  { issuer, account, secret }: Declaration,
  { issuers, accounts, prefixes }: Registration,
): string | undefined {
  if (!(issuer in issuers)) return `issuer block "${issuer}" is not in keyturn.yaml any more`;
  if (account && accounts[issuer] !== account) {
    return `issuer block "${issuer}" stands for another account now (${accounts[issuer]}, before ${account})`;
  }
  if (prefixes.some((prefix) => secret.name.startsWith(prefix))) return undefined;
  return `no prefix under "secrets" in keyturn.yaml fits secret ${secret.name} any more`;
}
