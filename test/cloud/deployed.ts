/** keyturn as users deploy it, on a local cloud with a real registry: one issuer, account and credential per name. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { stringify } from 'yaml';
import {
  type AwsConfig,
  connectStackWith,
  type Stack,
  type StackAddresses,
  stackAddresses,
} from '../../lib/cli/stack.ts';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { deploy } from '../../local/deploy.ts';
import { type Account, type Registry, startRegistry } from '../../local/registry.ts';
import { type RegistryProxy, startRegistryProxy } from '../support/registry-proxy.ts';

const stackName = 'keyturn-test';
const example = join(import.meta.dirname, '..', '..', 'examples', 'verdaccio', 'keyturn.yaml');

/** The package that consumers read with their key. */
export const packageName = '@demo/hello';

/** One credential, with an issuer of its own behind a proxy of its own. */
export interface Site {
  readonly credential: string;
  readonly secretName: string;
  readonly proxy: RegistryProxy;
  readonly account: Account;
}

export interface Deployed {
  readonly cloud: Cloud;
  readonly aws: AwsConfig;
  readonly registry: Registry;
  readonly stack: Stack;
  readonly addresses: StackAddresses;
  site(credential: string): Site;
  stop(): Promise<void>;
}

/** @param consumers names of the declared consumers, by credential. */
export async function deployed(consumers: Readonly<Record<string, readonly string[]>>): Promise<Deployed> {
  const cloud = await startCloud();
  const registry = await startRegistry({ directory: cloud.directory });
  const sites = new Map<string, Site>();
  const stop = async (): Promise<void> => {
    for (const { proxy } of sites.values()) await proxy.stop();
    await registry.stop();
    await cloud.stop();
  };
  try {
    const aws = awsConfig(cloud);
    for (const credential of Object.keys(consumers))
      sites.set(credential, await aSite(registry, aws, credential));
    await registry.publish(packageName, [...sites.values()][0]?.account.token ?? '');
    await deploy(cloud, {
      context: { config: await configFile(cloud, sites, consumers), stack: stackName },
    });
    return {
      cloud,
      aws,
      registry,
      stack: await connectStackWith(stackName, aws),
      addresses: await stackAddresses(stackName, aws),
      site: (credential) => found(sites, credential),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const awsConfig = ({ endpoint }: Cloud) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

async function aSite(registry: Registry, aws: AwsConfig, credential: string): Promise<Site> {
  const account = await registry.addUser(`user-of-${credential}`);
  // The store of tokens is made with its first one, and several first ones at once lose some.
  await registry.createToken(account);
  const admin = new CreateSecretCommand({
    Name: `keyturn-admin/${credential}`,
    SecretString: JSON.stringify({ token: account.token, password: account.password }),
  });
  await new SecretsManagerClient(aws).send(admin);
  const secretName = `keyturn/${stackName}/${credential}`;
  return { credential, secretName, account, proxy: await startRegistryProxy(registry.url) };
}

/** The example's description of the registry, once per site. */
async function configFile(
  cloud: Cloud,
  sites: ReadonlyMap<string, Site>,
  consumers: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const { issuers } = parseKeyturnFile(await readFile(example, 'utf8'), { stack: stackName });
  const each = [...sites.values()];
  const file = {
    mode: 'demo',
    issuers: Object.fromEntries(
      each.map(({ credential, proxy, account }) => [
        `registry-${credential}`,
        {
          ...issuers['registry'],
          baseUrl: proxy.url,
          admin: `keyturn-admin/${credential}`,
          config: { user: account.name },
        },
      ]),
    ),
    credentials: Object.fromEntries(
      each.map(({ credential }) => [
        credential,
        {
          issuer: `registry-${credential}`,
          owner: { name: 'tests' },
          policy: { rotateEvery: '30d', grace: { min: '10s', max: '120s', quiet: '3s' } },
          consumers: (consumers[credential] ?? []).map((name) => ({ name })),
        },
      ]),
    ),
  };
  const path = join(cloud.directory, 'keyturn.yaml');
  await writeFile(path, stringify(file));
  return path;
}

function found(sites: ReadonlyMap<string, Site>, credential: string): Site {
  const site = sites.get(credential);
  if (!site) throw new Error(`no site was deployed for ${credential}`);
  return site;
}
