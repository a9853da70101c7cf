/** What the anchor of the audit trail promises: what is in it stays, and one function writes to it, once per object. */
import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import { aStack, keyturnYaml, productionYaml } from './a-stack.ts';

const stack = aStack(productionYaml);
const { template } = stack;

describe('the bucket', () => {
  it('outlives the stack, with its policy', () => {
    template.hasResource('AWS::S3::Bucket', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    template.hasResource('AWS::S3::BucketPolicy', { DeletionPolicy: 'Retain' });
  });

  it('keeps every version, encrypted by the stack’s key, from the public', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      ObjectLockEnabled: true,
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': [Match.stringLikeRegexp('KeyturnKey'), 'Arn'] },
            },
          },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
  });

  const lockOf = (synthesized: typeof stack) =>
    Object.values(synthesized.template.findResources('AWS::S3::Bucket'))[0]?.['Properties']
      .ObjectLockConfiguration?.Rule;

  it('locks each version for a year in production', () => {
    expect(lockOf(stack)).toEqual({ DefaultRetention: { Mode: 'GOVERNANCE', Days: 365 } });
  });

  it('locks nothing in a demo, which can be cleared away', () => {
    expect(lockOf(aStack(keyturnYaml))).toBeUndefined();
  });

  it('locks as long and as hard as a team says', () => {
    const auditRetention = ObjectLockRetention.compliance(Duration.days(30));
    expect(lockOf(aStack(keyturnYaml, { auditRetention }))).toEqual({
      DefaultRetention: { Mode: 'COMPLIANCE', Days: 30 },
    });
  });

  it('refuses whoever comes without TLS, or would overwrite', () => {
    const everybody = { Effect: 'Deny', Principal: { AWS: '*' } };
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({ ...everybody, Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            ...everybody,
            Action: 's3:PutObject',
            Condition: { Null: { 's3:if-none-match': 'true' } },
          }),
        ],
      },
    });
  });

  it('is where tools look for it', () => {
    template.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/keyturn/keyturn/audit-bucket',
      Value: { Ref: Match.stringLikeRegexp('AuditBucket') },
    });
  });
});

describe('writing', () => {
  it('is for Record event alone, below audit/', () => {
    expect(stack.whoMay('s3:PutObject', /AuditBucket/)).toEqual(['RecordEvent']);
    expect(stack.whoMay('s3:PutObject', /AuditBucket.*\/audit\/\*/)).toEqual(['RecordEvent']);
    const actions = stack.rights('RecordEvent').flatMap(({ Action }) => Action);
    expect(actions.filter((action) => /^(s3|kms|dynamodb|secretsmanager):/.test(action)).sort()).toEqual([
      'kms:Decrypt',
      'kms:GenerateDataKey',
      's3:GetObject',
      's3:PutObject',
    ]);
  });

  it('is asked for by every change that keyturn itself announces, and tried for a day', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['keyturn'], detail: { auditSeq: [{ numeric: ['>', 0] }] } },
      Targets: [
        Match.objectLike({
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('RecordEvent'), 'Arn'] },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] } },
          RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
        }),
      ],
    });
  });

  it('that fails leaves the event and the reason with the dead letters', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ KEYTURN_AUDIT_BUCKET: Match.anyValue() }) },
      DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] } },
    });
    const may = stack.rights('RecordEvent').map(({ Action, Resource }) => [Action, Resource.join()]);
    expect(may).toContainEqual([['sqs:SendMessage'], expect.stringContaining('KeyturnDeadLetters')]);
  });

  it('that EventBridge cannot hand over reaches the encrypted dead letters', () => {
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['kms:Decrypt', 'kms:GenerateDataKey*']),
            Principal: { Service: 'events.amazonaws.com' },
          }),
        ]),
      },
    });
  });
});
