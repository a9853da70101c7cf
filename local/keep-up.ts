/** `npm start -- --keep`: how to look around in what the demo has built, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rotation } from '../lib/rotation/rotation.ts';
import type { RestartWhenHeld } from './restart-when-held.ts';
import { pause } from './wait-until.ts';
import type { Run, World } from './world.ts';

/** Longer than anybody looks around; a timer also keeps this process alive. */
const aMonthMs = 2_147_483_647;

export async function keepUp({ view, signal }: Run, world: World, restart: RestartWhenHeld): Promise<void> {
  for (const line of hints(world)) view.say(line);
  await playOn(world, restart, signal).catch((error: unknown) => {
    if (!signal.aborted) view.say(`no consumer is restarted any more: ${error}`);
  });
  await sleep(aMonthMs, undefined, { signal }).catch(() => undefined);
}

/** A rotation that somebody asks for now would wait for the same consumer as the demo's own. */
async function playOn(world: World, restart: RestartWhenHeld, signal: AbortSignal): Promise<never> {
  for (;;) {
    await restart(await rotationUnderWay(world));
    await pause(1, signal);
  }
}

async function rotationUnderWay({ stack, example }: World): Promise<Rotation | undefined> {
  const { credential } = (await stack.ledger.load(example.credentialId)) ?? {};
  if (!credential?.activeRotation) return undefined;
  return (await stack.ledger.load(example.credentialId, credential.activeRotation))?.rotation;
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
    `  npx keyturn drain ${credentialId}`,
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
