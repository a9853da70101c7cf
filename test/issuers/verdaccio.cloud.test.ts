/** The issuer block of the example against a real Verdaccio. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { connectIssuer } from '../../lib/issuers/index.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { startRegistry } from '../../local/registry.ts';
import { issuerContract } from '../contract/issuer-contract.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

const example = new URL('../../examples/verdaccio/keyturn.yaml', import.meta.url);

const clock = {
  now: () => new Date().toISOString(),
  sleep: (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000)),
};

issuerContract('the Verdaccio example', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-verdaccio-'));
  const registry = await startRegistry({ directory });
  const { name, password, token } = await registry.addUser('keyturn-demo');
  const {
    issuers: { registry: declared },
  } = parseKeyturnFile(await readFile(example, 'utf8'), { stack: 'test' });
  const block = { ...declared, baseUrl: registry.url, config: { user: name } };
  const secret = async () => ({ token: new SecretText(token), password: new SecretText(password) });
  const issuer = connectIssuer(block, anIssuerWorld({ secret, fetch, clock }));
  return {
    issuer,
    clock,
    stop: async () => {
      await registry.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
