/** What the stack promises, read from its template: rights, encryption, retention. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { steps } from '../../lib/workflow/steps.ts';
import { aStack, keyturnYaml } from './a-stack.ts';

const stack = aStack();

describe('rights', () => {
  it('lets only Issue key, and who lists, read the admin secret that makes keys', () => {
    expect(stack.whoMay('secretsmanager:GetSecretValue', /admin\/maker/)).toEqual([
      'Abandon',
      'Begin',
      'Complete',
      'IssueKey',
      'ProveDead',
      'VerifyKey',
    ]);
  });

  it('lets only Revoke key read the admin secret that ends keys', () => {
    expect(stack.whoMay('secretsmanager:GetSecretValue', /admin\/killer/)).toEqual(['RevokeKey']);
  });

  it('lets only who probes keys read their values', () => {
    const readers = ['ProveDead', 'RollBack', 'VerifyKey'];
    expect(stack.whoMay('secretsmanager:GetSecretValue', /keys\//)).toEqual(readers);
  });

  it('keeps making, disabling, ending and watching keys apart, and all of these from reading their values', () => {
    const user = 'issuers:\n  user: { type: aws-iam, user: /keyturn/agent }';
    const { whoMay } = aStack(keyturnYaml.replace('issuers:', user));
    const may = (action: string) => whoMay(action, /user\/keyturn\/agent/);
    expect(may('iam:CreateAccessKey')).toEqual(['IssueKey']);
    expect(may('iam:UpdateAccessKey')).toEqual(['DisableKey', 'EnableKey']);
    expect(may('iam:DeleteAccessKey')).toEqual(['RevokeKey']);
    expect(may('iam:GetAccessKeyLastUsed')).toEqual(['CheckBreakage', 'CheckDrain']);
    expect(whoMay('secretsmanager:GetSecretValue', /keys\//)).toEqual(['ProveDead', 'RollBack', 'VerifyKey']);
  });

  it('lets who handles values use the KMS keys that the config gives to prefixes, and nobody else', () => {
    const ownKey = 'arn:aws:kms:eu-west-1:123456789012:key/team';
    const prefixes = `secrets: [{ prefix: keys/ }, { prefix: team/, kmsKeyArn: '${ownKey}' }]`;
    const with2Keys = aStack(keyturnYaml.replace('secrets: [{ prefix: keys/ }]', prefixes));
    expect(with2Keys.whoMay('kms:GenerateDataKey', /key\/team/)).toEqual(['IssueKey']);
    const handlers = ['IssueKey', 'ProveDead', 'RollBack', 'VerifyKey'];
    expect(with2Keys.whoMay('kms:Decrypt', /key\/team/)).toEqual(handlers);
    expect(with2Keys.whoMay('secretsmanager:PutSecretValue', /team\/\*/)).toEqual(['IssueKey']);
    expect(with2Keys.rights('Consumer').flatMap(({ Resource }) => Resource)).not.toContainEqual(
      expect.stringContaining('key/team'),
    );
  });

  it('lets only Deploy key reach targets, and read values only for one that keeps a copy', () => {
    const withTarget = (block: string) =>
      aStack(keyturnYaml.replace('credentials:', `targets: { it: { ${block} } }\ncredentials:`));
    const copying = withTarget("type: ssm-parameter, name: '/app/${credential}'");
    expect(copying.whoMay('ssm:PutParameter', /parameter\/app\/\*/)).toEqual(['DeployKey']);
    expect(copying.whoMay('secretsmanager:GetSecretValue', /keys\//)).toContain('DeployKey');
    const calling = withTarget('type: lambda, function: told');
    expect(calling.whoMay('lambda:InvokeFunction', /function:told/)).toEqual(['DeployKey']);
    expect(calling.whoMay('secretsmanager:GetSecretValue', /keys\//)).not.toContain('DeployKey');
  });

  it('lets only Issue key write values of keys', () => {
    expect(stack.whoMay('secretsmanager:PutSecretValue', /./)).toEqual(['IssueKey']);
    expect(stack.whoMay('secretsmanager:CreateSecret', /./)).toEqual(['IssueKey']);
  });

  it('lets only Promote key, Roll back, and who cleans up, move stages', () => {
    expect(stack.whoMay('secretsmanager:UpdateSecretVersionStage', /./)).toEqual([
      'Abandon',
      'Complete',
      'PromoteKey',
      'RollBack',
    ]);
  });

  it('lets only what may start a rotation start one', () => {
    expect(stack.whoMay('states:StartExecution', /./)).toEqual([
      'RegisterCredentials',
      'StartRotation',
      'SweepDue',
    ]);
  });

  it('lets who starts rotations ask what became of them, and nobody else', () => {
    const starters = ['RegisterCredentials', 'StartRotation', 'SweepDue'];
    expect(stack.whoMay('states:DescribeExecution', /:execution:/)).toEqual(starters);
    expect(stack.whoMay('states:DescribeExecution', /./)).toEqual(starters);
  });

  it('lets the schedule write to the encrypted dead-letter queue', () => {
    const may = stack.rights('SweepSchedule').map(({ Action, Resource }) => [Action, Resource.join()]);
    expect(may).toContainEqual([
      expect.arrayContaining(['sqs:SendMessage']),
      expect.stringContaining('KeyturnDeadLetters'),
    ]);
    expect(may).toContainEqual([
      expect.arrayContaining(['kms:Decrypt', expect.stringMatching(/^kms:GenerateDataKey/)]),
      expect.stringContaining('KeyturnKey'),
    ]);
  });

  it('lets Start rotation read the encrypted requests', () => {
    expect(stack.whoMay('sqs:ReceiveMessage', /KeyturnRequests/)).toEqual(['StartRotation']);
    expect(stack.whoMay('kms:Decrypt', /KeyturnKey/)).toContain('StartRotation');
  });

  it('lets a consumer read its one secret and report its use, and no more', () => {
    const rights = stack.rights('Consumer');
    expect(rights).toEqual([
      {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: [expect.stringContaining('secret:keys/npm-token-??????')],
      },
      { Action: ['sqs:SendMessage'], Resource: [expect.stringContaining('KeyturnUsage')] },
      { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: [expect.stringContaining('KeyturnKey')] },
    ]);
  });

  it('lets Fold usage, which reads what anybody may send, write rows of usage only', () => {
    const writes = Match.objectLike({
      Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['SEEN#*', 'USE#*', 'DAYS#*'] } },
    });
    stack.template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('FoldUsage'),
      PolicyDocument: { Statement: Match.arrayWith([writes]) },
    });
    const actions = stack.rights('FoldUsage').flatMap(({ Action }) => Action);
    expect(actions.filter((action) => /PutItem|UpdateItem|DeleteItem|BatchWrite/.test(action))).toEqual([
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]);
  });

  it('gives no function an action with a wildcard but those of KMS grants', () => {
    const ofSteps = Object.keys(steps).map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`);
    const wild = ofSteps
      .concat(['StartRotation', 'SweepDue', 'FoldUsage', 'RegisterCredentials'])
      .flatMap((name) => stack.rights(name))
      .flatMap(({ Action }) => Action)
      .filter((action) => action.includes('*'));
    expect(
      [...new Set(wild)].filter((action) => !/^kms:(GenerateDataKey|ReEncrypt)\*$/.test(action)),
    ).toEqual([]);
  });
});

describe('the ledger', () => {
  it('survives a deleted stack and a slip of the hand', () => {
    stack.template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      Properties: {
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      },
    });
  });
});

describe('queues', () => {
  it('are encrypted, refuse plain HTTP and keep what fails', () => {
    const queues = stack.template.findResources('AWS::SQS::Queue');
    expect(Object.keys(queues)).toHaveLength(3);
    for (const { Properties } of Object.values(queues)) expect(Properties).toHaveProperty('KmsMasterKeyId');
    const plainHttp = { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    stack.template.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike(plainHttp)]) },
    });
    stack.template.resourcePropertiesCountIs(
      'AWS::SQS::Queue',
      { RedrivePolicy: { maxReceiveCount: 5, deadLetterTargetArn: Match.anyValue() } },
      2,
    );
  });
});

describe('the usage intake', () => {
  it('folds five batches at a time, which its pace reckons with, and sees none of them twice meanwhile', () => {
    stack.template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 1,
      ScalingConfig: { MaximumConcurrency: 5 },
    });
    stack.template.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 6 * 180 + 1 });
    stack.template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 180, MemorySize: 512 });
  });
});

describe('functions', () => {
  it('run on Node 24 on Arm', () => {
    const own = Object.entries(stack.template.findResources('AWS::Lambda::Function')).filter(([id]) =>
      id.startsWith('Keyturn'),
    );
    expect(own.length).toBeGreaterThan(Object.keys(steps).length);
    for (const [, { Properties }] of own) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
    }
  });

  it('have time and room for the registration of 10,000 credentials', () => {
    stack.template.hasResource('AWS::Lambda::Function', {
      Properties: { Timeout: 900, MemorySize: 1024 },
    });
    stack.template.hasResourceProperties('Custom::Trigger', { Timeout: '900000' });
  });

  it('keep encrypted logs for a month', () => {
    stack.template.allResourcesProperties('AWS::Logs::LogGroup', {
      RetentionInDays: 30,
      KmsKeyId: Match.anyValue(),
    });
  });
});

describe('requests', () => {
  it('reach the queue from any source but keyturn itself', () => {
    stack.template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: [{ 'anything-but': ['keyturn'] }], 'detail-type': ['Rotate Requested'] },
      Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Requests'), 'Arn'] } })],
    });
  });

  it('reach the queue from rules of this account only', () => {
    const fromEvents = stack
      .policiesOf('AWS::SQS::QueuePolicy')
      .filter(({ Principal }) => JSON.stringify(Principal) === '{"Service":"events.amazonaws.com"}');
    expect(fromEvents).not.toEqual([]);
    const own = /"aws:SourceAccount":{"Ref":"AWS::AccountId"}|"aws:SourceArn":{"Fn::GetAtt":\["Keyturn/;
    for (const { Condition } of fromEvents) expect(JSON.stringify(Condition)).toMatch(own);
  });
});

describe('a wrong keyturn.yaml', () => {
  it('stops the synthesis with every mistake in it', () => {
    const wrong = keyturnYaml
      .replace('issuer: registry', 'issuer: regstry')
      .replace('rotateEvery: 30d', 'rotateEvery: never');
    expect(() => aStack(wrong)).toThrow(/regstry[\s\S]*registry[\s\S]*never|never[\s\S]*regstry/);
  });
});
