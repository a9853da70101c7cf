/** The target that is told by a signed HTTP call; it gets ids, and reads the secret itself if it may. */
import { createHmac } from 'node:crypto';
import * as z from 'zod';
import { secretName } from '../plug-ins/aws-names.ts';
import { callHttp, isBareAddress, mayPass } from '../plug-ins/http-client.ts';
import { InvalidInput, TargetRejected, TargetUnavailable } from '../rotation/errors.ts';
import type { SecretText } from '../rotation/secret-text.ts';
import { withoutDetails } from '../rotation/without-details.ts';
import { defineTarget, type TargetWorld } from './define-target.ts';
import { noticeOf } from './notice.ts';

/** Seconds to wait for the answer; never more than half of what the invocation has left. */
const timeout = 10;

/** As long as the digest: shorter keys weaken HMAC-SHA256. @see https://www.rfc-editor.org/rfc/rfc2104#section-3 */
const shortestSigningKey = 32;

const block = z.strictObject({
  type: z.literal('webhook'),
  /** http only for loopback hosts, and only in `mode: demo`. */
  url: z.string().refine(isBareAddress, {
    error: 'expected an https address without user, query and fragment (http only for a loopback host)',
  }),
  /** Name of the Secrets Manager secret `{"signingKey": "…"}`. */
  signingSecret: secretName,
});

type WebhookBlock = z.output<typeof block>;

export const webhook = defineTarget({
  type: 'webhook',
  config: block,
  permissions: ({ signingSecret }) => {
    const needs = [{ kind: 'secret-read', secret: signingSecret }] as const;
    return { deploy: needs, check: needs };
  },
  reads: 'ids',
  connect: (found, world) => ({
    // With the rotation's id: a rotation that goes back to an older version is news.
    deploy: (deployment) =>
      send(found, world, `${deployment.rotationId}/${deployment.versionId}`, noticeOf(deployment)),
    check: () =>
      send(found, world, `test-${Date.parse(world.clock.now())}`, { schemaVersion: 1, type: 'Test' }),
  }),
});

/** @param delivery the same for every try of the same notice, so that the receiver can drop the second. */
async function send(
  { url: address, signingSecret }: WebhookBlock,
  world: TargetWorld,
  delivery: string,
  notice: object,
): Promise<void> {
  const url = new URL(address);
  const where = `POST ${url.host}${url.pathname}`;
  const signingKey = await readSigningKey(signingSecret, world);
  const timestamp = `${Math.floor(Date.parse(world.clock.now()) / 1000)}`;
  const body = JSON.stringify(notice);
  const headers = {
    'content-type': 'application/json',
    'keyturn-delivery': delivery,
    'keyturn-timestamp': timestamp,
    'keyturn-signature': `v1=${sign(signingKey, `${timestamp}.${body}`)}`,
  };
  const { status } = await callHttp(
    { where, method: 'POST', url, headers, body },
    {
      errors: { Rejected: TargetRejected, Unavailable: TargetUnavailable },
      fetch: world.fetch,
      hosts: [url.host],
      plainLoopback: world.mode === 'demo',
      timeout,
      clock: world.clock,
      deadline: () => world.deadline(),
    },
  );
  if (status >= 200 && status < 300) return;
  if (mayPass(status)) throw new TargetUnavailable(`${where} answered ${status}`);
  throw new TargetRejected(`${where} answered ${status}: see why the receiver refuses keyturn's notices`);
}

const sign = (signingKey: SecretText, text: string): string =>
  createHmac('sha256', signingKey.reveal()).update(text).digest('hex');

async function readSigningKey(name: string, world: TargetWorld): Promise<SecretText> {
  const { signingKey } = await readSecret(name, world);
  if (signingKey !== undefined && signingKey.reveal().length >= shortestSigningKey) return signingKey;
  throw wrongSecret(name);
}

async function readSecret(name: string, world: TargetWorld): ReturnType<TargetWorld['secret']> {
  try {
    return await world.secret(name);
  } catch (error) {
    const cause = withoutDetails(error);
    if (error instanceof InvalidInput) throw wrongSecret(name, cause);
    throw new TargetUnavailable(`signing secret ${name} could not be read: ${cause.message}`, { cause });
  }
}

const wrongSecret = (name: string, cause?: Error): TargetRejected =>
  new TargetRejected(
    `signing secret ${name} must be JSON with a field "signingKey" of at least ${shortestSigningKey} characters: put one there, and give it to the receiver`,
    { cause },
  );
