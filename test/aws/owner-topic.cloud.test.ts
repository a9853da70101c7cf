/** What an owner gets who has subscribed with a filter: by way of a real bus, rule and topic. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { deploy } from '../../local/deploy.ts';

let cloud: Cloud;
beforeAll(async () => {
  cloud = await startCloud();
  await deploy(cloud, { context: {}, app: 'node test/aws/owner-topic-app.ts' });
});
afterAll(() => cloud?.stop());

const config = () => {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = cloud.env;
  return { endpoint: cloud.endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
};

const asked = (credential: string, owner: string) => ({
  EventBusName: 'owners-bus',
  Source: 'keyturn',
  DetailType: 'Decision Needed',
  Detail: JSON.stringify({
    credential,
    rotationId: '0d5c2b3e-6f0e-5b1c-9a57-3f2d8c1e4b6a',
    question: 2,
    reason: 'invoicer used generation 4 at 10:42, 3 minutes ago; "cron" is silent',
    heldBy: ['invoicer'],
    owner: { name: owner },
  }),
});

it('an owner hears of the own credentials only, in words, with the commands to run', async () => {
  const Entries = [asked('search-agent', 'search-team'), asked('billing-agent', 'billing-team')];
  await new EventBridgeClient(config()).send(new PutEventsCommand({ Entries }));
  const sqs = new SQSClient(config());
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'billing-team' }));
  const bodies: unknown[] = [];
  // The first call waits for what comes; the second sees that nothing more has come with it.
  for (const WaitTimeSeconds of [10, 2]) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds, MaxNumberOfMessages: 10 }),
    );
    bodies.push(...Messages.map(({ Body = '' }): unknown => JSON.parse(Body)));
  }
  expect(bodies).toEqual([
    {
      text: expect.stringContaining(
        'keyturn decide billing-agent extend 24h --question 2 --rotation 0d5c2b3e-6f0e-5b1c-9a57-3f2d8c1e4b6a --stack prod',
      ),
      event: 'Decision Needed',
      credential: 'billing-agent',
      rotationId: '0d5c2b3e-6f0e-5b1c-9a57-3f2d8c1e4b6a',
      question: 2,
      reason: 'invoicer used generation 4 at 10:42, 3 minutes ago; "cron" is silent',
      heldBy: ['invoicer'],
      owner: { name: 'billing-team' },
    },
  ]);
});
