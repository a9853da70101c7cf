/** Hears what keyturn says on its bus, and reads what it keeps in the dead-letter queue, as an operator would. */
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Deployed } from './deployed.ts';

const heard = z.object({
  source: z.string(),
  'detail-type': z.string(),
  detail: z.looseObject({ credential: z.string(), auditSeq: z.number() }),
});

export type Heard = z.output<typeof heard>;

/** A queue behind a rule for everything from keyturn. @returns the events so far, in no order, and keeps them. */
export async function listener(on: Deployed): Promise<() => Promise<readonly Heard[]>> {
  const queue = await queueBehindRule(on);
  const events: Heard[] = [];
  return async () => {
    for (const { body } of await taken(on, queue)) events.push(heard.parse(JSON.parse(body)));
    return events;
  };
}

async function queueBehindRule(on: Deployed): Promise<string> {
  const sqs = new SQSClient(on.aws);
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'listener' }));
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const events = new EventBridgeClient(on.aws);
  const rule = { Name: 'listener', EventBusName: on.addresses.bus };
  await events.send(new PutRuleCommand({ ...rule, EventPattern: JSON.stringify({ source: ['keyturn'] }) }));
  const Targets = [{ Id: 'queue', Arn: Attributes['QueueArn'] }];
  await events.send(new PutTargetsCommand({ Rule: rule.Name, EventBusName: rule.EventBusName, Targets }));
  return QueueUrl;
}

export interface Letter {
  readonly body: string;
  readonly reason: string | undefined;
}

/** Takes what the queue holds now. */
export async function taken(on: Deployed, queueUrl: string): Promise<readonly Letter[]> {
  const sqs = new SQSClient(on.aws);
  const letters: Letter[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return letters;
    for (const { Body = '', MessageAttributes = {}, ReceiptHandle } of Messages) {
      letters.push({ body: Body, reason: MessageAttributes['reason']?.StringValue });
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    }
  }
}

/** URL of the queue between the bus and start-rotation. */
export async function requestsQueue(on: Deployed): Promise<string> {
  const { QueueUrls = [] } = await new SQSClient(on.aws).send(new ListQueuesCommand({}));
  const found = QueueUrls.find((url) => /KeyturnRequests/.test(url));
  if (!found) throw new Error(`no requests queue among ${QueueUrls.join(', ')}`);
  return found;
}

/** Messages in the queue, those under way included. */
export async function waiting(on: Deployed, QueueUrl: string): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await new SQSClient(on.aws).send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
  );
  return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}
