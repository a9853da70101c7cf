/** `keyturn/client`: what a consumer needs to live with rotated keys, and to let keyturn know that it does. */
import type { SQSClient } from '@aws-sdk/client-sqs';
import { callsUnderWay } from './calls-under-way.ts';
import { type Attempt, type CredentialHandle, credentialHandle } from './credential.ts';
import { ClientMisused } from './errors.ts';
import { type KeyCache, keyCache } from './key-cache.ts';
import type { SecretReader } from './read-key.ts';
import { type Reporter, type ReporterOptions, reporter } from './reporter.ts';
import { usageLog } from './usage-log.ts';

export type { Attempt, CredentialHandle, UseOptions } from './credential.ts';
export { ClientMisused, KeyNotIssued, KeyUnavailable, KeyUnreadable, ReportNotSent } from './errors.ts';

export interface KeyturnClientOptions {
  /** This consumer's name in keyturn.yaml. */
  readonly consumer: string;
  /** Needs `secretsmanager:GetSecretValue` on the secrets, and their key's `kms:Decrypt`. */
  readonly secretsManager: SecretReader;
  /** The stack's usage queue, with `sqs`. Without them nothing is reported, and no key of this consumer drains. */
  readonly queueUrl?: string;
  /** Needs `sqs:SendMessage` on the queue. */
  readonly sqs?: Pick<SQSClient, 'send'>;
  /** Seconds between two reports, as in the stack; 0 for only `flush` and `leave`. @default 60 */
  readonly reportEvery?: number;
  /** Seconds after which a key is read again before it is used; 0 before each. @default 300, or `keepFor` if less */
  readonly cacheFor?: number;
  /**
   * Seconds that a key is used at most when Secrets Manager cannot be read: not more than the consumer's
   * `lostAfter` in keyturn.yaml, after which keyturn takes a silent process for gone. @default 3600, the maximum
   */
  readonly keepFor?: number;
  /** Hears of reports that cannot be sent, once per outage; if it throws, that line is written. @default one line of console.warn */
  readonly onError?: (error: Error) => void;
  /** Hears of every attempt and of every failed read of a secret; must not throw. */
  readonly observe?: (event: ClientEvent) => void;
}

export type ClientEvent =
  | ({ readonly kind: 'called'; readonly credential: string } & Attempt)
  | { readonly kind: 'read-failed'; readonly credential: string; readonly error: unknown };

export interface CredentialOptions {
  /** Credential id in keyturn.yaml. */
  readonly id: string;
  /** Name or ARN of its secret. */
  readonly secretId: string;
  /** The JSON field that holds the key; null when the secret's whole text is the key. @default apiKey */
  readonly field?: string | null;
  /** Overrides the client's. */
  readonly cacheFor?: number;
}

export interface KeyturnClient {
  /** A handle on one credential; nothing is read before its first use. At most 25 per client, each once. */
  credential(options: CredentialOptions): CredentialHandle;
  /**
   * Reports now: at the end of each Lambda invocation or cron run. Waits 2 seconds at most, and 250 ms while the queue
   * cannot be reached. Never rejects.
   */
  flush(): Promise<void>;
  /** Waits for calls under way and says goodbye, so that nobody waits for this process. Uses afterwards throw. */
  leave(): Promise<void>;
}

/** Two keys of each, and the minute before where there is traffic, always fit into a report of 100 entries. */
const mostCredentials = 25;
const longestKeep = 3600;

/**
 * One client per process.
 *
 * @example
 * const client = keyturnClient({ consumer: 'mirror', queueUrl, sqs, secretsManager });
 * const npm = client.credential({ id: 'npm-token', secretId: 'keyturn/demo/npm-token' });
 * const response = await npm.use((key) => fetch(url, { headers: { authorization: `Bearer ${key}` } }));
 * process.once('SIGTERM', () => client.leave());
 * @throws ClientMisused when the options cannot work.
 */
export function keyturnClient(options: KeyturnClientOptions): KeyturnClient {
  const keepFor = within('keepFor', options.keepFor ?? longestKeep, longestKeep);
  const cacheFor = within('cacheFor', options.cacheFor ?? Math.min(300, keepFor), keepFor);
  const log = usageLog();
  const calls = callsUnderWay();
  const caches = new Map<string, KeyCache>();
  const present = () => ({ credentials: [...caches.keys()], holds: holds(caches, calls.versions()) });
  const reports = connectReporter(options, { log, present });
  let left = false;

  const handleOn = (id: string, cache: KeyCache): CredentialHandle =>
    credentialHandle({
      cache,
      begins: (versionId, destination) => {
        calls.begins(versionId);
        if (reports) log.record(id, versionId, 'unknown', destination);
      },
      ends: (attempt, destination) => {
        calls.ends(attempt.versionId);
        if (reports) log.record(id, attempt.versionId, attempt.outcome, destination);
        options.observe?.({ kind: 'called', credential: id, ...attempt });
      },
    });

  return {
    credential({ id, secretId, field = 'apiKey', cacheFor: own = cacheFor }) {
      checkRoom(id, caches);
      const cache = keyCache({
        secretsManager: options.secretsManager,
        place: { id, secretId, field },
        cacheForMs: within('cacheFor', own, keepFor) * 1000,
        keepForMs: keepFor * 1000,
        readFailed: (error) => options.observe?.({ kind: 'read-failed', credential: id, error }),
      });
      caches.set(id, cache);
      const handle = handleOn(id, cache);
      const unlessLeft = async <T>(call: () => Promise<T>): Promise<T> => {
        if (left) throw new ClientMisused(`credential ${id} cannot be used any more: the client has left`);
        return calls.track(call());
      };
      return {
        use: (call, use) => unlessLeft(() => handle.use(call, use)),
        key: () => unlessLeft(() => handle.key()),
      };
    },
    flush: async () => reports?.flush(),
    async leave() {
      left = true;
      await calls.over();
      await reports?.leave();
    },
  };
}

function connectReporter(
  { consumer, queueUrl, sqs, reportEvery = 60, onError = warn }: KeyturnClientOptions,
  sources: Pick<ReporterOptions, 'log' | 'present'>,
): Reporter | undefined {
  if (queueUrl === undefined && sqs === undefined) return undefined;
  if (queueUrl === undefined || sqs === undefined)
    throw new ClientMisused(`option ${sqs ? 'queueUrl' : 'sqs'} is missing: reports need queueUrl and sqs`);
  if (!(reportEvery >= 0 && reportEvery <= longestKeep))
    throw new ClientMisused(`option reportEvery is ${reportEvery}, expected 0 to ${longestKeep} seconds`);
  return reporter({ consumer, queueUrl, sqs, reportEvery, onError, ...sources });
}

function holds(caches: ReadonlyMap<string, KeyCache>, inCalls: readonly string[]): readonly string[] {
  const inMemory = [...caches.values()].flatMap((cache) => cache.held() ?? []);
  return [...new Set([...inMemory, ...inCalls])];
}

function checkRoom(id: string, caches: ReadonlyMap<string, KeyCache>): void {
  if (caches.has(id)) throw new ClientMisused(`credential ${id} has a handle already: share that one`);
  if (caches.size >= mostCredentials)
    throw new ClientMisused(
      `credential ${id} is one more than ${mostCredentials}: make another client for it`,
    );
}

/** @returns seconds, when they are within the bound. */
function within(option: string, seconds: number, most: number): number {
  if (seconds >= 0 && seconds <= most) return seconds;
  throw new ClientMisused(`option ${option} is ${seconds}, expected 0 to ${most} seconds`);
}

const warn = ({ message }: Error): void => console.warn(message);
