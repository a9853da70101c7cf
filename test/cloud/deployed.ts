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

export const stackName = 'keyturn-test';
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

/** What a test wants of a site beside the defaults. */
export interface SiteOptions {
  /** Names of the declared consumers. */
  readonly consumers: readonly string[];
  /** Fields of the credential's block. */
  readonly credential?: Readonly<Record<string, unknown>>;
  /** Fields of the issuer's capabilities. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
}

/** What stands in keyturn.yaml beside the sites. */
export interface Extras {
  readonly issuers?: Readonly<Record<string, unknown>>;
  readonly targets?: Readonly<Record<string, unknown>>;
  readonly credentials?: Readonly<Record<string, unknown>>;
}

/** The cloud before the first deploy. */
export interface Prepared {
  readonly cloud: Cloud;
  readonly aws: AwsConfig;
  readonly registry: Registry;
  site(credential: string): Site;
  /** Every value that was ever secret, to search for. */
  readonly secrets: Set<string>;
}

export interface Deployed extends Prepared {
  readonly stack: Stack;
  readonly addresses: StackAddresses;
  /** Deploys again, as changed; without a change, the same. */
  redeploy(change: {
    readonly app?: string;
    readonly sites?: Readonly<Record<string, SiteOptions>>;
    /** Sites whose issuer blocks stay though their credentials go. */
    readonly keep?: readonly string[];
  }): Promise<void>;
  stop(): Promise<void>;
}

/** @param prepare makes what must be there before the deploy, and says what else the file is to declare. */
export async function deployed(
  sites: Readonly<Record<string, SiteOptions>>,
  prepare: (on: Prepared) => Promise<Extras> = async () => ({}),
): Promise<Deployed> {
  const cloud = await startCloud();
  const registry = await startRegistry({ directory: cloud.directory });
  const known = new Map<string, Site>();
  const stop = async (): Promise<void> => {
    for (const { proxy } of known.values()) await proxy.stop();
    await registry.stop();
    await cloud.stop();
  };
  try {
    const aws = awsConfig(cloud);
    const secrets = new Set<string>();
    for (const credential of Object.keys(sites))
      known.set(credential, await aSite(registry, aws, credential, secrets));
    await registry.publish(packageName, [...known.values()][0]?.account.token ?? '');
    const prepared = { cloud, aws, registry, secrets, site: (name: string) => found(known, name) };
    const extras = await prepare(prepared);
    const redeploy: Deployed['redeploy'] = async ({ app, sites: changed = sites, keep = [] }) => {
      const config = await configFile(cloud, known, changed, keep, extras);
      await deploy(cloud, { context: { config, stack: stackName }, ...(app && { app }) });
    };
    await redeploy({});
    return {
      ...prepared,
      stack: await connectStackWith(stackName, aws),
      addresses: await stackAddresses(stackName, aws),
      redeploy,
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

async function aSite(
  registry: Registry,
  aws: AwsConfig,
  credential: string,
  secrets: Set<string>,
): Promise<Site> {
  const account = await registry.addUser(`user-of-${credential}`);
  // The store of tokens is made with its first one, and several first ones at once lose some.
  const { token } = await registry.createToken(account);
  for (const secret of [token, account.token, account.password]) secrets.add(secret);
  const admin = new CreateSecretCommand({
    Name: `keyturn-admin/${credential}`,
    SecretString: JSON.stringify({ token: account.token, password: account.password }),
  });
  await new SecretsManagerClient(aws).send(admin);
  return {
    credential,
    secretName: secretNameOf(credential),
    account,
    proxy: await startRegistryProxy(registry.url),
  };
}

export const secretNameOf = (credential: string): string => `keyturn/${stackName}/${credential}`;

/** The example's description of the registry, once per site. */
async function configFile(
  cloud: Cloud,
  known: ReadonlyMap<string, Site>,
  sites: Readonly<Record<string, SiteOptions>>,
  keep: readonly string[],
  extras: Extras,
): Promise<string> {
  const { issuers } = parseKeyturnFile(await readFile(example, 'utf8'), { stack: stackName });
  const { registry } = issuers;
  if (registry?.type !== 'http') throw new Error('the example has no issuer "registry" of type http');
  const issuerOf = ({ credential, proxy, account }: Site, { capabilities = {} }: SiteOptions) => ({
    ...registry,
    capabilities: { ...registry.capabilities, ...capabilities },
    baseUrl: proxy.url,
    admin: `keyturn-admin/${credential}`,
    config: { user: account.name },
  });
  const all = Object.entries(sites).map(([name, options]) => ({ site: found(known, name), options }));
  const file = {
    mode: 'demo',
    issuers: {
      ...Object.fromEntries(
        all.map(({ site, options }) => [`registry-${site.credential}`, issuerOf(site, options)]),
      ),
      ...Object.fromEntries(
        keep.map((name) => [`registry-${name}`, issuerOf(found(known, name), { consumers: [] })]),
      ),
      ...extras.issuers,
    },
    ...(extras.targets && { targets: extras.targets }),
    credentials: {
      ...Object.fromEntries(
        all.map(({ site, options }) => [site.credential, { ...credentialOf(site), ...theirs(options) }]),
      ),
      ...extras.credentials,
    },
  };
  const path = join(cloud.directory, 'keyturn.yaml');
  await writeFile(path, stringify(file));
  return path;
}

const credentialOf = ({ credential }: Site) => ({
  issuer: `registry-${credential}`,
  owner: { name: 'tests' },
  policy: quickPolicy,
});

/** Rotations of seconds; the deadline is far, so that a busy machine does not come to the owner's question. */
export const quickPolicy = { rotateEvery: '30d', grace: { min: '10s', max: '15m', quiet: '3s' } };

const theirs = ({ consumers, credential }: SiteOptions) => ({
  consumers: consumers.map((name) => ({ name })),
  ...credential,
});

function found(sites: ReadonlyMap<string, Site>, credential: string): Site {
  const site = sites.get(credential);
  if (!site) throw new Error(`no site was deployed for ${credential}`);
  return site;
}
