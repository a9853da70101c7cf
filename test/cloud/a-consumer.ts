/** A consumer inside a test: calls the registry with the client library's key and counts what is refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { keyturnClient } from '../../lib/client/client.ts';
import { type Deployed, packageName, secretNameOf } from './deployed.ts';

export interface TestConsumer {
  readonly calls: number;
  /** Calls that were refused, before any retry, and failed reads of the secret. */
  readonly refused: number;
  /** Ends it; it says goodbye to keyturn. */
  leave(): Promise<void>;
}

export interface ConsumerOptions {
  readonly name: string;
  readonly credential: string;
  /** Seconds that it keeps a key. */
  readonly cacheFor: number;
  /** Makes one call with a key. @returns the status. @default reads a package from the registry */
  readonly call?: (key: string) => Promise<number>;
}

export function aConsumer(
  on: Deployed,
  { name, credential, cacheFor, call = (key) => on.registry.read(packageName, key) }: ConsumerOptions,
): TestConsumer {
  const counts = { calls: 0, refused: 0 };
  const client = keyturnClient({
    consumer: name,
    queueUrl: on.addresses['usage-queue'],
    sqs: new SQSClient(on.aws),
    secretsManager: new SecretsManagerClient({ ...on.aws, maxAttempts: 1 }),
    reportEvery: 1,
    cacheFor,
    keepFor: Math.max(cacheFor, 30),
    observe: (event) => {
      if (event.kind === 'read-failed') counts.refused += 1;
    },
  });
  const token = client.credential({ id: credential, secretId: secretNameOf(credential) });
  const read = async (key: string) => {
    counts.calls += 1;
    const status = await call(key);
    if (status !== 200) counts.refused += 1;
    return { status };
  };
  const stopping = new AbortController();
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await token.use(read);
      await sleep(200);
    }
  })();
  return {
    get calls() {
      return counts.calls;
    },
    get refused() {
      return counts.refused;
    },
    leave: async () => {
      stopping.abort();
      await working;
      await client.leave();
    },
  };
}
