/** Joins registered issuer and target blocks to the world outside, with the rights of whoever is at the terminal. */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SSMClient } from '@aws-sdk/client-ssm';
import { adminSecrets } from '../aws/admin-secrets.ts';
import type { LedgerTable } from '../aws/document-client.ts';
import { dynamoDbBlocks } from '../aws/dynamodb-blocks.ts';
import { iamAccessKeys } from '../aws/iam-access-keys.ts';
import { lambdaFunctions } from '../aws/lambda-functions.ts';
import { ssmParameters } from '../aws/ssm-parameters.ts';
import { systemClock } from '../aws/system-clock.ts';
import { connectIssuer } from '../issuers/index.ts';
import type { Declaration } from '../rotation/credential.ts';
import type { Blocks, Issuer, Target } from '../rotation/ports.ts';
import { connectTarget } from '../targets/index.ts';
import { plus, type Seconds } from '../usage/instant.ts';
import { Failure } from './failure.ts';
import type { AwsConfig } from './stack.ts';

export interface PlugIns {
  readonly issuerBlocks: Pick<Blocks, 'get'>;
  /** @throws Failure when no such block is registered. */
  issuer(name: string, mode: Declaration['mode']): Promise<Issuer>;
  /** As `issuer`. */
  target(name: string, mode: Declaration['mode']): Promise<Target>;
}

/** How long one look may take: a person waits for it. */
const patience: Seconds = 20;

export function plugIns(
  config: AwsConfig,
  on: LedgerTable,
  secretsManager: Parameters<typeof adminSecrets>[0],
): PlugIns {
  const issuerBlocks = dynamoDbBlocks(on, 'issuerBlock');
  const targetBlocks = dynamoDbBlocks(on, 'targetBlock');
  const world = {
    secret: adminSecrets(secretsManager),
    fetch,
    accessKeys: iamAccessKeys({ client: config, milliseconds: () => patience * 1000 }),
    parameters: ssmParameters(new SSMClient(config)),
    functions: lambdaFunctions(new LambdaClient(config)),
    clock: systemClock,
    deadline: () => plus(systemClock.now(), patience),
  };
  return {
    issuerBlocks,
    issuer: async (name, mode) =>
      connectIssuer(await registeredBlock(issuerBlocks, name), { ...world, mode }),
    target: async (name, mode) =>
      connectTarget(await registeredBlock(targetBlocks, name), { ...world, mode }),
  };
}

/** A block of keyturn.yaml as the last deploy has registered it. @throws Failure when it has not. */
export async function registeredBlock(blocks: Pick<Blocks, 'get'>, name: string): Promise<unknown> {
  const block = await blocks.get(name);
  if (block !== undefined) return block;
  throw new Failure(`block "${name}" is not registered: deploy again, and see what the registration says`);
}
