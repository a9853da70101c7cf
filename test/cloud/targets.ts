/** Targets on the deployed stack: a parameter and a webhook, of which one fails for a while. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { expect, it } from 'vitest';
import { graceFacts } from '../../lib/rotation/rotation.ts';
import { aConsumer } from './a-consumer.ts';
import { type Deployed, type Extras, type Prepared, packageName } from './deployed.ts';
import { askForRotation, currentValue, firstKey, hasEnded, rotationThat } from './follow.ts';

const parameter = '/keyturn-test/targeted';
const signingSecret = 'test-signing-secret-0123456789abcdef';

export const targetedSite = { consumers: ['reader'], credential: { targets: ['parameter', 'hook'] } };

interface Delivery {
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** A receiver that a test can break. */
export interface Receiver {
  failing: boolean;
  readonly deliveries: Delivery[];
  readonly stop: () => Promise<void>;
}

let receiver: Receiver;

/** The webhook's other end, and the blocks of both targets. */
export async function someTargets(on: Prepared): Promise<Extras & { readonly receiver: Receiver }> {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (!receiver.failing) deliveries.push({ body, headers: request.headers });
    response.writeHead(receiver.failing ? 503 : 204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  receiver = { failing: false, deliveries, stop };
  on.secrets.add(signingSecret);
  const SecretString = JSON.stringify({ signingKey: signingSecret });
  await new SecretsManagerClient(on.aws).send(
    new CreateSecretCommand({ Name: 'keyturn-hooks/test', SecretString }),
  );
  return {
    receiver,
    targets: {
      parameter: { type: 'ssm-parameter', name: parameter },
      hook: {
        type: 'webhook',
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/rotated`,
        signingSecret: 'keyturn-hooks/test',
      },
    },
  };
}

export function targets(deployment: () => Deployed): void {
  it('a target that fails for a while holds the old key until it has the new one', async () => {
    const on = deployment();
    await firstKey(on, 'targeted');
    const reader = aConsumer(on, { name: 'reader', credential: 'targeted', cacheFor: 0 });
    const before = await currentValue(on, 'targeted');
    expect(await parameterValue(on)).toBe(before.apiKey);
    receiver.failing = true;
    const rotationId = await askForRotation(on, 'targeted');
    const failing = await rotationThat(
      on,
      'targeted',
      rotationId,
      (rotation) => (graceFacts(rotation)?.deployments['hook']?.failures ?? 0) >= 2,
    );
    expect(graceFacts(failing.rotation)?.deployments).toMatchObject({
      parameter: { done: true },
      hook: { done: false, reason: expect.stringContaining('503') },
    });
    expect(await on.registry.read(packageName, before.apiKey)).toBe(200);
    receiver.failing = false;
    const { rotation } = await rotationThat(on, 'targeted', rotationId, hasEnded, 240);
    await reader.leave();
    expect(rotation.phase).toBe('completed');
    expect(reader.refused).toBe(0);
    const after = await currentValue(on, 'targeted');
    expect(await parameterValue(on)).toBe(after.apiKey);
    const told = receiver.deliveries.filter(({ body }) => body.includes(rotationId));
    expect(told).toHaveLength(1);
    for (const { body, headers } of told) {
      expect(body).toContain(after.keyId);
      expect(body.includes(after.apiKey)).toBe(false);
      const signed = `${headers['keyturn-timestamp']}.${body}`;
      const expected = createHmac('sha256', signingSecret).update(signed).digest('hex');
      expect(headers['keyturn-signature']).toBe(`v1=${expected}`);
    }
    expect(await on.registry.read(packageName, before.apiKey)).toBe(403);
  });
}

async function parameterValue(on: Deployed): Promise<string | undefined> {
  const { Parameter } = await new SSMClient(on.aws).send(
    new GetParameterCommand({ Name: parameter, WithDecryption: true }),
  );
  return Parameter?.Value;
}
