/**
 * What keyturn asks or tells the owners of credentials: one topic, to which each owner subscribes with a filter. The
 * bus has more, for machines; here is only what a person has to do something about.
 */
import { Stack } from 'aws-cdk-lib';
import { type EventBus, EventField, type IRuleTarget, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { addToDeadLetterQueueResourcePolicy } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { OutgoingEvent } from '../rotation/rotation.ts';
import { eventSource } from '../workflow/events.ts';
import { allow } from './handler-function.ts';

export interface OwnerTopicProps {
  /** What `--stack` of the commands in a message is. */
  readonly installation: string;
  readonly bus: EventBus;
  /** Encrypts the topic. */
  readonly key: IKey;
  readonly deadLetters: IQueue;
}

interface OwnerMessage {
  readonly event: OutgoingEvent;
  /** For people. @param run a command of keyturn's on the credential. */
  readonly text: (credential: string, run: (command: string, more?: string) => string) => string;
  /** Fields of the event's detail that go along: such that every event of its type has. */
  readonly fields: readonly string[];
}

/** Makes an answer that comes late, or to an old message, one that is refused. */
const toThisQuestion = ` --question ${EventField.fromPath('$.detail.question')} --rotation ${EventField.fromPath('$.detail.rotationId')}`;

const messages: readonly OwnerMessage[] = [
  {
    event: 'Decision Needed',
    text: (credential, run) =>
      `${credential}: a decision is needed on the key that is to leave (see reason). keyturn revokes it only when you say so, or when it is proven that nobody uses it. See who does, and all that you can decide: ${run('drain')}. To wait another day: ${run('decide', ` extend 24h${toThisQuestion}`)}. To end it now, whoever still uses it: ${run('decide', ` revoke${toThisQuestion}`)}.`,
    fields: ['rotationId', 'question', 'reason', 'heldBy', 'owner'],
  },
  {
    event: 'Key Enabled',
    text: (credential, run) =>
      `${credential}: the key that is to leave was disabled for a trial and works again (see reason). Move whoever still uses it to the other key; keyturn looks again by itself. See who that is: ${run('drain')}.`,
    fields: ['reason', 'brokenBy', 'owner'],
  },
  {
    event: 'Target Failing',
    text: (credential, run) =>
      `${credential}: a target has refused its key (see target and reason). The other key works until the target has this one. Mend the target, keyturn tries again by itself; or take it out of keyturn.yaml. How it stands: ${run('status')}.`,
    fields: ['target', 'reason', 'owner'],
  },
  {
    event: 'Unknown Key Found',
    text: (credential, run) =>
      `${credential}: its issuer lists a key that keyturn cannot place, or has no room for another (see keyIds and reason). The rotation is over, nothing was revoked. Remove at the issuer what nobody needs, then: ${run('rotate')}.`,
    fields: ['issuer', 'keyIds', 'reason', 'owner'],
  },
];

/** Encrypted, and for TLS only; the rules publish with a role of theirs, so nobody needs a right by the topic's policy. */
export function ownerTopic(scope: Construct, props: OwnerTopicProps): Topic {
  const topic = new Topic(scope, 'OwnerTopic', { masterKey: props.key, enforceSSL: true });
  const role = publisher(scope, topic, props.key);
  for (const message of messages) {
    new Rule(scope, `Owner${message.event.replaceAll(' ', '')}`, {
      eventBus: props.bus,
      eventPattern: { source: [eventSource], detailType: [message.event] },
      targets: [targetOf(topic, role, inputOf(props, message), props.deadLetters)],
    });
  }
  return topic;
}

/** Not CDK's target, which gives the role a KMS action with a wildcard. */
const targetOf = (
  topic: Topic,
  role: Role,
  input: RuleTargetInput,
  deadLetterQueue: IQueue,
): IRuleTarget => ({
  bind: (rule) => {
    addToDeadLetterQueueResourcePolicy(rule, deadLetterQueue);
    return {
      arn: topic.topicArn,
      deadLetterConfig: { arn: deadLetterQueue.queueArn },
      targetResource: topic,
      role,
      input,
    };
  },
});

function publisher(scope: Construct, { topicArn }: Topic, { keyArn }: IKey): Role {
  const { account } = Stack.of(scope);
  const role = new Role(scope, 'OwnerTopicRole', {
    assumedBy: new ServicePrincipal('events.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
  });
  role.addToPolicy(allow(['sns:Publish'], [topicArn]));
  role.addToPolicy(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [keyArn]));
  return role;
}

/**
 * JSON, since only that can be filtered by its content. Into the text goes nothing but ids and the question's number:
 * what may hold quotes has a field of its own, into which EventBridge writes it as JSON.
 */
function inputOf({ installation }: OwnerTopicProps, { event, text, fields }: OwnerMessage): RuleTargetInput {
  const credential = EventField.fromPath('$.detail.credential');
  const run = (command: string, more = ''): string =>
    `keyturn ${command} ${credential}${more} --stack ${installation}`;
  const own = fields.map((field) => [field, EventField.fromPath(`$.detail.${field}`)]);
  return RuleTargetInput.fromObject({
    text: text(credential, run),
    event,
    credential,
    ...Object.fromEntries(own),
  });
}
