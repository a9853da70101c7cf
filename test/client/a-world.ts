/** A secret and a queue for tests of the client: AWS answers by command, the issuer by a list of good keys. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { type ClientEvent, type KeyturnClientOptions, keyturnClient } from '../../lib/client/client.ts';
import type { UsageReport } from '../../lib/client/report.ts';
import { SENTINEL } from '../support/sentinel.ts';

export const secretId = 'keyturn/demo/npm-token';

/** Every key carries the sentinel, so that a leak shows up. */
export const keyOf = (generation: number): string => `${SENTINEL}-${generation}`;
export const versionOf = (generation: number): string => `00000000-0000-5000-8000-00000000000${generation}`;

export function aWorld(options: Partial<KeyturnClientOptions> = {}) {
  const secretsManager = new SecretsManagerClient({ region: 'us-east-1' });
  const sqs = new SQSClient({ region: 'us-east-1' });
  const secrets = mockClient(secretsManager);
  const queue = mockClient(sqs);
  const events: ClientEvent[] = [];
  const errors: Error[] = [];
  queue.on(SendMessageCommand).resolves({});

  const world = {
    secrets,
    queue,
    events,
    errors,
    /** Puts this text in as AWSCURRENT. */
    store: (SecretString: string, VersionId: string) =>
      void secrets.on(GetSecretValueCommand).resolves({ SecretString, VersionId }),
    promote: (generation: number) =>
      world.store(
        JSON.stringify({ apiKey: keyOf(generation), keyId: 'k', generation }),
        versionOf(generation),
      ),
    reads: () => secrets.commandCalls(GetSecretValueCommand).length,
    bodies: () => queue.commandCalls(SendMessageCommand).map(({ args }) => String(args[0].input.MessageBody)),
    reports: () => world.bodies().map((body) => JSON.parse(body) as UsageReport),
    client: keyturnClient({
      consumer: 'mirror',
      secretsManager,
      sqs,
      queueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/usage',
      observe: (event) => events.push(event),
      onError: (error) => errors.push(error),
      ...options,
    }),
  };
  world.promote(1);
  return world;
}

/** A call that the issuer answers with 200 for these keys, with 401 for all others. */
export function anIssuer(...good: readonly number[]) {
  const seen: string[] = [];
  const call = async (key: string) => {
    seen.push(key.slice(-1));
    return { status: good.map(keyOf).includes(key) ? 200 : 401 };
  };
  return { call, seen };
}
