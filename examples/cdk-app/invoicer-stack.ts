/** What a service's team deploys: the role that it runs as, its credential, and what happens when the key changes. */
import { Stack, type StackProps } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { Credential } from '../../lib/constructs/credential.ts';
import type { Keyturn } from '../../lib/constructs/keyturn.ts';

export interface InvoicerStackProps extends StackProps {
  readonly keyturn: Keyturn;
}

export class InvoicerStack extends Stack {
  constructor(scope: Construct, id: string, { keyturn, ...props }: InvoicerStackProps) {
    super(scope, id, props);
    const role = new Role(this, 'Role', {
      roleName: 'invoicer',
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });

    // It becomes a part of keyturn's stack, and is registered when that is deployed.
    const credential = new Credential(keyturn, 'invoicer', {
      issuer: 'invoicer-user',
      owner: { name: 'invoicing', notify: 'invoicing@example.com' },
      secret: { fields: { secret: 'SecretAccessKey', keyId: 'AccessKeyId' } },
      policy: {
        // Longer than IAM takes to tell of a key's use.
        grace: { min: '1h', max: '12h', quiet: '15m' },
        window: { days: ['mon', 'tue', 'wed', 'thu'], from: '09:00', to: '16:00', timeZone: 'Europe/Berlin' },
      },
      // By its name, written out: only its sessions may say that the service has let go of a key.
      consumers: [{ name: 'invoicer', role: 'arn:aws:iam::123456789012:role/invoicer' }],
    });
    credential.grantUse(role);

    // Whatever listens to the topic can restart the service; the old key works until nobody uses it any more.
    new Rule(this, 'KeyPromoted', {
      eventBus: keyturn.bus,
      eventPattern: {
        source: ['keyturn'],
        detailType: ['Key Promoted'],
        detail: { credential: ['invoicer'] },
      },
      targets: [new SnsTopic(new Topic(this, 'NewKey', { enforceSSL: true }))],
    });
  }
}
