/** The owner topic and one owner who has subscribed as docs/events.md says; `owner-topic.cloud.test.ts` deploys it. */
import { App, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { FilterOrPolicy, SubscriptionFilter } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { ownerTopic } from '../../lib/constructs/owner-topic.ts';

const stack = new Stack(new App(), 'Owners', { env: { account: '000000000000', region: 'us-east-1' } });

const topic = ownerTopic(stack, {
  installation: 'prod',
  bus: new EventBus(stack, 'Bus', { eventBusName: 'owners-bus' }),
  key: new Key(stack, 'Key'),
  deadLetters: new Queue(stack, 'DeadLetters'),
});

const billingTeam = SubscriptionFilter.stringFilter({ allowlist: ['billing-team'] });
topic.addSubscription(
  new SqsSubscription(new Queue(stack, 'BillingTeam', { queueName: 'billing-team' }), {
    rawMessageDelivery: true,
    filterPolicyWithMessageBody: {
      owner: FilterOrPolicy.policy({ name: FilterOrPolicy.filter(billingTeam) }),
    },
  }),
);
