/**
 * A consumer of the demo, in a process of its own: fetches a package from the registry several times a second, with
 * whatever key `keyturn/client` hands it, and counts what is refused. It knows nothing of rotations.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type ClientEvent, keyturnClient } from '../lib/client/client.ts';
import { type AgentCounts, AgentTask, type KeyCalls } from './agent-messages.ts';

const pauseMs = 150;
const tellEveryMs = 250;
/** Seconds; at most the consumer's `lostAfter`, 30 s in `mode: demo` where keyturn.yaml says nothing else. */
const keepAtLeast = 30;

const task = AgentTask.parse(JSON.parse(process.argv[2] ?? 'null'));
const byGeneration: Record<string, KeyCalls> = {};
const counts: { -readonly [Count in keyof AgentCounts]: AgentCounts[Count] } = {
  calls: 0,
  refused: 0,
  failedReads: 0,
  generation: null,
  byGeneration,
};
const leaving = new AbortController();

const client = keyturnClient({
  consumer: task.consumer,
  secretsManager: new SecretsManagerClient({ maxAttempts: 1 }),
  // the queue's own address names localhost, which may be another loopback than the cloud's
  sqs: new SQSClient({ useQueueUrlAsEndpoint: false }),
  queueUrl: task.queueUrl,
  reportEvery: task.reportEvery,
  keepFor: Math.max(keepAtLeast, task.cacheFor),
  observe,
});
const token = client.credential({
  id: task.credentialId,
  secretId: task.secretId,
  cacheFor: task.cacheFor,
});

/** Without a retry by the SDK, so that each failed read counts. */
function observe(event: ClientEvent): void {
  if (event.kind === 'read-failed') {
    counts.failedReads += 1;
    return;
  }
  const { generation = 0, outcome } = event;
  const { calls, refused } = byGeneration[generation] ?? { calls: 0, refused: 0 };
  byGeneration[generation] = { calls: calls + 1, refused: refused + (outcome === 'refused' ? 1 : 0) };
  counts.generation = generation;
}

async function fetchPackage(key: string): Promise<Response> {
  counts.calls += 1;
  const response = await fetch(task.url, {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(10_000),
  }).catch((error: unknown) => {
    counts.refused += 1;
    throw error;
  });
  if (response.status !== 200) counts.refused += 1;
  await response.arrayBuffer();
  return response;
}

/** An exception has been counted already, and must not end a consumer. */
async function work(): Promise<void> {
  while (!leaving.signal.aborted) {
    await token.use(fetchPackage).catch((error: unknown) => console.warn(`${task.consumer}:`, error));
    await sleep(pauseMs, undefined, { signal: leaving.signal }).catch(() => undefined);
  }
}

process.once('SIGTERM', () => leaving.abort());
// The demo has died without a word: nobody is left to stop us.
process.once('disconnect', () => leaving.abort());
const telling = setInterval(() => process.send?.(counts), tellEveryMs);

await work();
await client.leave();
clearInterval(telling);
process.send?.(counts);
process.disconnect?.();
