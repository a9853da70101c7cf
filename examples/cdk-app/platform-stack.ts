/** What the platform team deploys: one keyturn, its issuers, and who is told. */
import { Stack, type StackProps } from 'aws-cdk-lib';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { Keyturn } from '../../lib/constructs/keyturn.ts';

export class PlatformStack extends Stack {
  readonly keyturn: Keyturn;

  constructor(scope: Construct, id: string, props: StackProps = {}) {
    super(scope, id, props);
    // The same fields as in keyturn.yaml, with the same checks.
    this.keyturn = new Keyturn(this, 'Keyturn', {
      config: {
        issuers: {
          'invoicer-user': { type: 'aws-iam', user: '/keyturn/invoicer', exclusive: true },
        },
      },
    });
    this.keyturn.alarmTopic.addSubscription(new EmailSubscription('oncall@example.com'));
  }
}
