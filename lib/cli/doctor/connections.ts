/** The issuers and targets that credentials use, each with a harmless call to it. */
import type { Credential, Declaration } from '../../rotation/credential.ts';
import { count } from '../format/count.ts';
import type { Stack } from '../stack.ts';
import type { Check } from './finding.ts';

/** Each block that a credential names, once. */
export function connectionChecks(stack: Stack, credentials: readonly Credential[]): readonly Check[] {
  const issuers = new Map<string, Mode>();
  const targets = new Map<string, Mode>();
  for (const { declaration, status } of credentials) {
    if (status === 'retired') continue;
    issuers.set(declaration.issuer, declaration.mode);
    for (const target of declaration.targets ?? []) targets.set(target, declaration.mode);
  }
  return [
    ...[...issuers].map(([name, mode]) => issuerCheck(stack, name, mode)),
    ...[...targets].map(([name, mode]) => targetCheck(stack, name, mode)),
  ];
}

type Mode = Declaration['mode'];

/** A list shows that the issuer answers and that the admin secret is good; nothing is changed by it. */
const issuerCheck = (stack: Stack, name: string, mode: Mode): Check => ({
  subject: `issuer ${name}`,
  look: async () => {
    const issuer = await stack.issuer(name, mode);
    if (!issuer.capabilities.list)
      return {
        status: 'unknown',
        text: 'it cannot list keys, so no harmless call shows whether the admin secret is good',
      };
    return `it lists ${count((await issuer.list()).length, 'key')}`;
  },
});

const targetCheck = (stack: Stack, name: string, mode: Mode): Check => ({
  subject: `target ${name}`,
  look: async () => {
    await (await stack.target(name, mode)).check();
    return 'it answers';
  },
});
