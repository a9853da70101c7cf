/** What the registry itself says of a key, asked without any part of keyturn. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { readSecret } from '../lib/rotation/secret-format.ts';
import { SecretText } from '../lib/rotation/secret-text.ts';
import type { Example } from './example.ts';
import type { Registry } from './registry.ts';
import { privatePackage } from './world.ts';

/** The key under a version id, as a consumer would read it. */
export async function keyValue(
  secrets: SecretsManagerClient,
  { declaration: { secret } }: Example,
  versionId: string | null,
): Promise<SecretText> {
  if (versionId === null) throw new Error(`secret ${secret.name} has no key yet`);
  const command = new GetSecretValueCommand({ SecretId: secret.name, VersionId: versionId });
  const { SecretString } = await secrets.send(command);
  if (SecretString === undefined)
    throw new Error(`version ${versionId} of secret ${secret.name} holds no text`);
  return readSecret(secret, new SecretText(SecretString));
}

/** It names the account and opens the package. */
export async function isAccepted(registry: Registry, { user }: Example, key: SecretText): Promise<boolean> {
  const { status, username } = await registry.whoami(key.reveal());
  return status === 200 && username === user && (await registry.read(privatePackage, key.reveal())) === 200;
}

/** It opens nothing any more. */
export async function isRefused(registry: Registry, key: SecretText): Promise<boolean> {
  const statuses = [
    (await registry.whoami(key.reveal())).status,
    await registry.read(privatePackage, key.reveal()),
  ];
  return statuses.every((status) => status === 401 || status === 403);
}
