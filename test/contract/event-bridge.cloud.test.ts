/** The event sink keeps its contract on the local cloud's EventBridge. */
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { eventBridgeSink } from '../../lib/aws/event-bridge-sink.ts';
import { aNewName, sharedCloud } from '../support/shared-cloud.ts';
import { eventSinkContract } from './event-sink-contract.ts';

const config = sharedCloud();

eventSinkContract('EventBridge', async () => {
  const client = new EventBridgeClient(config());
  const queues = new SQSClient(config());
  const bus = aNewName('bus');
  const queue = await aQueue(queues);
  await client.send(new CreateEventBusCommand({ Name: bus }));
  await client.send(
    new PutRuleCommand({
      Name: 'all',
      EventBusName: bus,
      EventPattern: JSON.stringify({ source: ['keyturn'] }),
    }),
  );
  const Targets = [{ Id: 'queue', Arn: queue.arn }];
  await client.send(new PutTargetsCommand({ Rule: 'all', EventBusName: bus, Targets }));
  return {
    sink: eventBridgeSink({ client, bus }),
    arrived: (count) => sequencesIn(queues, queue.url, count),
  };
});

async function aQueue(client: SQSClient): Promise<{ readonly url: string; readonly arn: string }> {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: aNewName('events') }));
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  return { url: QueueUrl, arn: Attributes?.QueueArn ?? '' };
}

/** Messages stay invisible for longer than a test takes, so that each comes once. */
async function sequencesIn(client: SQSClient, QueueUrl: string, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
        VisibilityTimeout: 600,
      }),
    );
    found.push(...Messages.map(({ Body = '{}' }) => JSON.parse(Body).detail.auditSeq));
  }
  return found.sort((a, b) => a - b);
}
