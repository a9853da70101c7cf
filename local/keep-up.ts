/** `npm start -- --keep`: how to look around in what the demo has built, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run, World } from './world.ts';

/** Longer than anybody looks around; a timer also keeps this process alive. */
const aMonthMs = 2_147_483_647;

export async function keepUp({ view, signal }: Run, world: World): Promise<void> {
  for (const line of hints(world)) view.say(line);
  await sleep(aMonthMs, undefined, { signal }).catch(() => undefined);
}

function hints({ cloud, registry, example, stack, addresses }: World): readonly string[] {
  const { endpoint, env } = cloud;
  const variables = ['AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'];
  const { credentialId, declaration } = example;
  return [
    'Everything stays up until Ctrl-C, and the consumers go on. In another terminal, in this folder:',
    '',
    `  export ${variables.map((name) => `${name}=${env[name]}`).join(' ')}`,
    `  npx keyturn status --stack ${stack.name}`,
    `  npx keyturn status ${credentialId}`,
    `  npx keyturn rotate ${credentialId} --reason "to see it again" --wait`,
    '',
    'With the AWS CLI, if you have it:',
    '',
    `  aws --endpoint-url ${endpoint} secretsmanager describe-secret --secret-id ${declaration.secret.name}`,
    `  aws --endpoint-url ${endpoint} stepfunctions list-executions --state-machine-arn ${addresses['state-machine']}`,
    `  aws --endpoint-url ${endpoint} dynamodb scan --table-name ${addresses.table} --max-items 10`,
    '',
    `The registry is at ${registry.url}, the deployed keyturn.yaml is ${example.path}.`,
  ];
}
