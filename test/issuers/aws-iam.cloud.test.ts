/**
 * The issuer of the example on the local cloud, whose IAM and STS check keys; changes are seen there at once. Its IAM
 * never says that a key was used, so it is not asked.
 */
import { readFile } from 'node:fs/promises';
import { CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { iamAccessKeys } from '../../lib/aws/iam-access-keys.ts';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { connectIssuer } from '../../lib/issuers/index.ts';
import { issuerContract } from '../contract/issuer-contract.ts';
import { sharedCloud } from '../support/shared-cloud.ts';
import { anIssuerWorld } from './an-issuer-world.ts';

const example = new URL('../../examples/aws-iam/keyturn.yaml', import.meta.url);
const cloud = sharedCloud();

const clock = {
  now: () => new Date().toISOString(),
  sleep: (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000)),
};

issuerContract('the aws-iam example', async () => {
  const client = cloud();
  await new IAMClient(client).send(new CreateUserCommand({ UserName: 'billing-agent', Path: '/keyturn/' }));
  const { issuers } = parseKeyturnFile(await readFile(example, 'utf8'), { stack: 'test' });
  const accessKeys = iamAccessKeys({ client, milliseconds: () => 10_000 });
  const block = { ...issuers['billing-user'], createLag: '0s', revokeLag: '0s', lastUsedLag: 'none' };
  return { clock, issuer: connectIssuer(block, anIssuerWorld({ clock, accessKeys })) };
});
