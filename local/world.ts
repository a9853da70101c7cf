/** Everything that the demo stands on: local cloud, registry, deployed keyturn, and the ways to talk to them. */
import { rmSync } from 'node:fs';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import {
  type AwsConfig,
  connectStackWith,
  type Stack,
  type StackAddresses,
  stackAddresses,
} from '../lib/cli/stack.ts';
import type { CleanUp } from './clean-up.ts';
import { type Cloud, startCloud } from './cloud.ts';
import { deploy } from './deploy.ts';
import { type Example, renderExample } from './example.ts';
import type { ExecutionPlace } from './execution-history.ts';
import { type Account, type Registry, startRegistry } from './registry.ts';
import type { View } from './view.ts';

export interface World {
  readonly cloud: Cloud;
  readonly registry: Registry;
  readonly example: Example;
  readonly stack: Stack;
  readonly addresses: StackAddresses;
  readonly executions: ExecutionPlace;
  readonly secrets: SecretsManagerClient;
}

/** What the demo runs in: where it shows things, what it has to stop, and when it must end. */
export interface Run {
  readonly view: View;
  /** Of the local cloud and the consumers; the deployment and the registry write beside it. */
  readonly logFile: string;
  readonly clean: CleanUp;
  readonly signal: AbortSignal;
}

/** The CLI's default, so that people need not name it. */
const stackName = 'keyturn';
/** Only those who log in can read it. */
export const privatePackage = '@demo/prices';

export async function buildWorld({ view, clean, signal, logFile }: Run): Promise<World> {
  const part = <T>(title: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return view.during(title, work);
  };
  const cloud = await part('start the local cloud', () => startCloud({ logFile }));
  clean.add(cloud.stop, () => rmSync(cloud.directory, { recursive: true, force: true }));
  const registry = await part('start a private npm registry', () =>
    startRegistry({ directory: cloud.directory, logFile: logFile.replace('.log', '-registry.log') }),
  );
  clean.add(registry.stop);
  const example = await renderExample(registry.url, { directory: cloud.directory, stack: stackName });
  const aws = awsConfigOf(cloud);
  const secrets = new SecretsManagerClient(aws);
  await part('make an account, a private package and the admin secret', async () => {
    const account = await registry.addUser(example.user);
    await registry.publish(privatePackage, account.token);
    await putAdminSecret(secrets, example.adminSecret, account);
  });
  const context = { config: example.path, stack: stackName };
  // An interruption ends the CLI at once; the cloud itself stops later, in its turn.
  const interruptible = { ...cloud, stopping: AbortSignal.any([cloud.stopping, signal]) };
  await part('deploy keyturn with cdk bootstrap and cdk deploy', () => deploy(interruptible, { context }));
  const addresses = await stackAddresses(stackName, aws);
  return {
    cloud,
    registry,
    example,
    secrets,
    addresses,
    stack: await connectStackWith(stackName, aws),
    executions: { sfn: new SFNClient(aws), stateMachineArn: addresses['state-machine'] },
  };
}

/** keyturn makes and revokes tokens with it; only the account's owner could put it there. */
async function putAdminSecret(
  secrets: SecretsManagerClient,
  Name: string,
  { token, password }: Account,
): Promise<void> {
  await secrets.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify({ token, password }) }));
}

/** Given to each client: this process's own environment may name real profiles, keys and endpoints. */
function awsConfigOf({ endpoint, env }: Cloud): AwsConfig {
  return {
    endpoint,
    region: env['AWS_REGION'] ?? 'us-east-1',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  };
}
