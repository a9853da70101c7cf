/**
 * The audit trail's anchor: what the bus hears of keyturn goes, one object for each change, to a bucket in which
 * nobody overwrites or deletes. Whoever rewrites the ledger cannot rewrite these.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type EventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { eventSource } from '../workflow/events.ts';
import { acknowledge, acknowledgeWildcard, evidence } from './acknowledge.ts';
import { allow } from './handler-function.ts';

/** Nobody without `s3:BypassGovernanceRetention` deletes a record of the last year. */
export const productionRetention = ObjectLockRetention.governance(Duration.days(365));

/**
 * Outlives the stack, as the ledger does that it vouches for.
 *
 * @param retention how long each version is locked; undefined locks none, so that a demo can be cleared away.
 */
export function auditBucket(scope: Construct, key: Key, retention: ObjectLockRetention | undefined): Bucket {
  const bucket = new Bucket(scope, 'AuditBucket', {
    versioned: true,
    objectLockEnabled: true,
    ...(retention && { objectLockDefaultRetention: retention }),
    encryption: BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  bucket.addToResourcePolicy(onlyNewObjects(bucket));
  bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
  acknowledge(
    bucket,
    'AwsSolutions-S1',
    'One function writes here, once per object, and versions keep whatever anybody does. An access log would need a bucket of its own with the same question; CloudTrail data events answer it where a team needs that: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html',
  );
  return bucket;
}

/**
 * Whoever may write must ask that there be no such object yet.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
const onlyNewObjects = (bucket: Bucket): PolicyStatement =>
  new PolicyStatement({
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects('*')],
    conditions: { Null: { 's3:if-none-match': 'true' } },
  });

export interface AnchoringProps {
  readonly bus: EventBus;
  readonly bucket: Bucket;
  readonly key: Key;
  /** Function of `lambdas/record-event.ts`. */
  readonly recordEvent: NodejsFunction;
  readonly deadLetters: Queue;
}

/**
 * Every change that keyturn announces goes to record-event; what is no change, a rejected request, has number 0.
 * EventBridge tries for a day to hand an event over, and Lambda tries it three times.
 */
export function anchorChanges(
  scope: Construct,
  { bus, bucket, key, recordEvent, deadLetters }: AnchoringProps,
): void {
  const objects = bucket.arnForObjects('audit/*');
  // Reading is for an event that comes again: it must say the same.
  recordEvent.addToRolePolicy(allow(['s3:PutObject', 's3:GetObject'], [objects]));
  recordEvent.addToRolePolicy(allow(['kms:GenerateDataKey', 'kms:Decrypt'], [key.keyArn]));
  acknowledgeWildcard(recordEvent.role ?? recordEvent, objects, evidence.namesMadeLater);
  new Rule(scope, 'ChangeAnnounced', {
    eventBus: bus,
    eventPattern: { source: [eventSource], detail: { auditSeq: Match.greaterThan(0) } },
    targets: [
      new LambdaFunction(recordEvent, {
        deadLetterQueue: deadLetters,
        maxEventAge: Duration.hours(24),
        retryAttempts: 185,
      }),
    ],
  });
}
