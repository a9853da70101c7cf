import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { aCredential, aDeclaration } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const { config } = readKeyturnFile(readFileSync('examples/verdaccio/keyturn.yaml', 'utf8'), {
  stack: 'keyturn',
});

/** Two credentials of the example's registry, one retired, and one of an issuer that is not registered. */
async function deployed(): Promise<TwinStack> {
  const stack = twinStack();
  await stack.issuerBlocks.put('registry', config.issuers['registry']);
  const declaration = aDeclaration({ issuer: 'registry' });
  await put(stack, aCredential({ id: 'npm-token', declaration }));
  await put(stack, aCredential({ id: 'ci-token', declaration }));
  await put(stack, aCredential({ id: 'old-token', declaration, status: 'retired' }));
  await put(stack, aCredential());
  return stack;
}

describe('keyturn issuers', () => {
  it('shows what each can do, and how many credentials use it', async () => {
    const { code, out } = await run(await deployed(), ['issuers']);
    expect(code).toBe(0);
    expect(out).toMatch(/^registry +http +2 +100 +no +yes +no +no +yes +1 s +2 s +- +no +3$/m);
    expect(out).toMatch(/^openai +- +1 +unknown: it is not registered: deploy again$/m);
  });

  it('shows how late an issuer says that a key was used, and whether it says when one was refused', async () => {
    const stack = twinStack();
    await stack.issuerBlocks.put('billing-user', { type: 'aws-iam', user: '/keyturn/billing-agent' });
    await put(stack, aCredential({ declaration: aDeclaration({ issuer: 'billing-user' }) }));
    const { out } = await run(stack, ['issuers']);
    expect(out).toMatch(/ REVOKE LAG +USE LAG +DENIED +PROBES$/m);
    expect(out).toMatch(/^billing-user +aws-iam .* 15 s +15 s +4 h +no +3$/m);
  });

  it('prints the same for programs', async () => {
    const { out } = await run(await deployed(), ['issuers', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      stack: 'keyturn',
      issuers: [
        { issuer: 'openai', type: null, credentials: 1, capabilities: null },
        {
          issuer: 'registry',
          type: 'http',
          credentials: 2,
          capabilities: { maxLiveKeys: 100, revokeLag: 2, lastUsedLag: null, reportsDenied: false },
        },
      ],
    });
  });

  it('sorts them by name', async () => {
    const stack = twinStack();
    for (const [id, issuer] of [
      ['a', 'registry'],
      ['b', 'openai'],
      ['c', 'anthropic'],
    ] as const)
      await put(stack, aCredential({ id: `${id}-token`, declaration: aDeclaration({ issuer }) }));
    const { issuers } = JSON.parse((await run(stack, ['issuers', '--json'])).out);
    expect(issuers.map(({ issuer }: { issuer: string }) => issuer)).toEqual([
      'anthropic',
      'openai',
      'registry',
    ]);
  });

  it('says when a block is of a type that this keyturn does not know', async () => {
    const stack = await deployed();
    await stack.issuerBlocks.put('openai', { type: 'vending' });
    const { code, out } = await run(stack, ['issuers']);
    expect(code).toBe(0);
    expect(out).toMatch(/^openai +vending +1 +unknown: there is no issuer type "vending": expected one of /m);
  });
});
