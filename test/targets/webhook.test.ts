/** The webhook target against a real server on loopback that verifies what it gets, as teams are told to. */
import { afterEach, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../lib/rotation/errors.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import type { TargetWorld } from '../../lib/targets/define-target.ts';
import { connectTarget, targetBlockSchema, targetPermissions, targetReads } from '../../lib/targets/index.ts';
import { aDeployment, targetContract } from '../contract/target-contract.ts';
import { manualClock } from '../fakes/manual-clock.ts';
import { startWebhookTarget, type WebhookTarget } from '../fakes/webhook-target.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { failureOf } from '../support/failure-of.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { aTargetWorld, signingKey } from './a-target-world.ts';

const running: WebhookTarget[] = [];
afterEach(async () => {
  for (const receiver of running.splice(0)) await receiver.stop();
});

const blockFor = (url: string) => ({ type: 'webhook', url, signingSecret: 'team/webhook' });

async function open(change: Partial<TargetWorld> = {}) {
  const clock = manualClock();
  const receiver = await startWebhookTarget({ clock, signingKey });
  const target = connectTarget(blockFor(receiver.url), aTargetWorld({ clock, ...change }));
  return { receiver, target, clock };
}

const opened = async (change: Partial<TargetWorld> = {}) => {
  const all = await open(change);
  running.push(all.receiver);
  return all;
};

targetContract('webhook', async () => {
  const { receiver, target } = await open();
  return {
    target,
    reads: targetReads(blockFor(receiver.url)),
    holds: () => receiver.restarts.at(-1),
    state: () => [...receiver.restarts],
    sent: () => receiver.deliveries,
    fail: receiver.fail,
    stop: receiver.stop,
  };
});

describe('what is sent', () => {
  test('the ids of the key, and an id of the delivery that is the same for every try', async () => {
    const { receiver, target } = await opened();
    await target.deploy(aDeployment(2));
    const [delivery] = receiver.deliveries;
    expect(JSON.parse(`${delivery?.body}`)).toEqual({
      schemaVersion: 1,
      type: 'Key Promoted',
      credential: 'billing-agent',
      rotationId: '00000000-0000-5000-8000-000000000002',
      generation: 2,
      keyId: 'key_2',
      secret: 'keyturn/prod/billing-agent',
      versionId: '11111111-1111-5111-8111-111111111112',
    });
    expect(delivery?.headers).toMatchObject({
      'content-type': 'application/json',
      'keyturn-delivery': '00000000-0000-5000-8000-000000000002/11111111-1111-5111-8111-111111111112',
      'keyturn-timestamp': '1772438400',
      'keyturn-signature': expect.stringMatching(/^v1=[0-9a-f]{64}$/),
    });
  });

  test('a later try is signed with its own time, so that no receiver takes it for an old one', async () => {
    const { receiver, target, clock } = await opened();
    await target.deploy(aDeployment(1));
    clock.advance(3600);
    await target.deploy(aDeployment(1));
    expect(receiver.deliveries.map(({ headers }) => headers['keyturn-timestamp'])).toEqual([
      '1772438400',
      '1772442000',
    ]);
    expect(receiver.restarts).toHaveLength(1);
  });

  test('a check is a signed test without effect', async () => {
    const { receiver, target } = await opened();
    await target.check();
    expect(receiver.deliveries.map(({ body }) => JSON.parse(body))).toEqual([
      { schemaVersion: 1, type: 'Test' },
    ]);
    expect(receiver.restarts).toEqual([]);
  });
});

describe('an answer', () => {
  test.each([408, 425, 429, 500, 503])('of %i is worth another try', async (status) => {
    const { receiver, target } = await opened();
    receiver.answerNext(status);
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetUnavailable',
      message: expect.stringMatching(/^POST 127\.0\.0\.1:\d+\/keyturn answered \d+$/),
    });
  });

  test.each([301, 307, 400, 401, 404, 410])('of %i is a refusal', async (status) => {
    const { receiver, target } = await opened();
    receiver.answerNext(status);
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure.name).toBe('TargetRejected');
    expect(receiver.deliveries).toHaveLength(1);
  });
});

describe('the signing secret', () => {
  const says = (message: RegExp) => ({ name: 'TargetRejected', message: expect.stringMatching(message) });

  test.each([
    ['has no field "signingKey"', { key: new SecretText(signingKey) }],
    ['is too short to sign with', { signingKey: new SecretText(SENTINEL) }],
  ])('that %s sends nothing', async (_what, fields) => {
    const { receiver, target } = await opened({ secret: async () => fields });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject(says(/secret team\/webhook must be JSON with a field "signingKey"/));
    expect(receiver.deliveries).toEqual([]);
  });

  test('that does not exist is a refusal that says how to make it', async () => {
    const secret = async () => {
      throw new InvalidInput('there is no admin secret');
    };
    const { target } = await opened({ secret });
    expect(await failureOf(target.check())).toMatchObject(says(/put one there/));
  });

  test('that cannot be read now is worth another try', async () => {
    const secret = async () => {
      throw Object.assign(new Error(`refused ${SENTINEL}`), { name: 'ThrottlingException' });
    };
    const { target } = await opened({ secret });
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject({
      name: 'TargetUnavailable',
      message: 'signing secret team/webhook could not be read: ThrottlingException',
    });
  });

  test('of somebody else is refused by the receiver', async () => {
    const secret = async () => ({ signingKey: new SecretText(`${signingKey} of another team`) });
    const { receiver, target } = await opened({ secret });
    expect(await failureOf(target.deploy(aDeployment(1)))).toMatchObject({ name: 'TargetRejected' });
    expect(receiver.restarts).toEqual([]);
    expectNoSecret(receiver.deliveries);
  });
});

describe('the block', () => {
  test('without TLS is refused at the call, but in mode: demo', async () => {
    const { receiver, target } = await opened({ mode: 'production' });
    const failure = await failureOf(target.deploy(aDeployment(1)));
    expect(failure).toMatchObject({
      name: 'TargetRejected',
      message: expect.stringMatching(/would leave without TLS/),
    });
    expect(receiver.deliveries).toEqual([]);
  });

  test.each([
    'http://hooks.example.com/keyturn',
    'https://user:word@hooks.example.com/keyturn',
    'https://hooks.example.com/keyturn?token=1',
    'hooks.example.com',
  ])('refuses %s', (url) => {
    expect(targetBlockSchema.safeParse(blockFor(url)).success).toBe(false);
  });

  test.each(['team/*', '*', 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/webhook-a1b2c3'])(
    'names its signing secret, since that stands in a role: not by %s',
    (signingSecret) => {
      const { error } = targetBlockSchema.safeParse({ ...blockFor('https://app.example'), signingSecret });
      expect(error?.issues).toEqual([
        expect.objectContaining({
          path: ['signingSecret'],
          message: expect.stringContaining('no ARN and no wildcard'),
        }),
      ]);
    },
  );

  test('asks for its signing secret and for no key', () => {
    const needs = [{ kind: 'secret-read', secret: 'team/webhook' }];
    expect(targetPermissions(blockFor('https://hooks.example.com/keyturn'))).toEqual({
      deploy: needs,
      check: needs,
    });
  });

  test('of no known kind is refused with the kinds that there are', () => {
    expect(() => targetReads({ type: 'pager' })).toThrow(
      'there is no target type "pager": expected one of ssm-parameter, lambda, webhook',
    );
  });
});
