/** The smallest CDK app that needs the corrections of CloudFormation; `corrections.cloud.test.ts` deploys it. */
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';

const stack = new Stack(new App(), 'Corrections', { env: { account: '000000000000', region: 'us-east-1' } });

const secret = new Secret(stack, 'Secret', { secretName: 'corrections-secret' });
new CfnOutput(stack, 'SecretArn', { value: secret.secretArn });

const bus = new EventBus(stack, 'Bus', { eventBusName: 'corrections-bus' });
bus.addToResourcePolicy(
  new PolicyStatement({
    sid: 'reporters',
    actions: ['events:PutEvents'],
    principals: [new AccountPrincipal('000000000000')],
    resources: [bus.eventBusArn],
  }),
);

new Bucket(stack, 'Locked', {
  bucketName: 'corrections-locked',
  objectLockDefaultRetention: ObjectLockRetention.compliance(Duration.days(1)),
});
