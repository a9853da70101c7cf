/** The example's keyturn.yaml with the address of the registry that runs now, and what the demo reads from it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { parseKeyturnFile } from '../lib/config/keyturn-file.ts';
import type { Declaration } from '../lib/rotation/credential.ts';
import { projectDirectory } from './paths.ts';

/** The issuer block that stands for the demo's registry. */
const issuer = 'registry';

export interface Example {
  /** The file that is deployed. */
  readonly path: string;
  readonly credentialId: string;
  readonly declaration: Declaration;
  /** Name of the secret that holds the registry account's own token and password. */
  readonly adminSecret: string;
  /** Name of the account at the registry. */
  readonly user: string;
}

/** Comments and order of the example stay as they are: only the address differs. */
export async function renderExample(
  registryUrl: string,
  { directory, stack }: { readonly directory: string; readonly stack: string },
): Promise<Example> {
  const document = parseDocument(
    await readFile(join(projectDirectory, 'examples/verdaccio/keyturn.yaml'), 'utf8'),
  );
  document.setIn(['issuers', issuer, 'baseUrl'], registryUrl);
  const text = document.toString();
  const path = join(directory, 'keyturn.yaml');
  await writeFile(path, text);
  return { path, ...readExample(text, path, stack) };
}

function readExample(text: string, path: string, stack: string): Omit<Example, 'path'> {
  const { issuers, credentials } = parseKeyturnFile(text, { stack, fileName: path });
  const block = issuers[issuer];
  const { admin, config } = block?.type === 'http' ? block : {};
  const [credentialId, declaration] = Object.entries(credentials)[0] ?? [];
  const user = config?.['user'];
  if (!credentialId || !declaration || typeof admin !== 'string' || !user) {
    throw new Error(
      `${path}: the demo needs an issuer "${issuer}" with one admin secret and config.user, and a credential`,
    );
  }
  return { credentialId, declaration, adminSecret: admin, user };
}
