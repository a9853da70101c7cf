/** What the alarms watch, whom they tell, and that each is explained. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { countNames, gaugeNames } from '../../lib/rotation/ports.ts';
import { definitionIn } from '../support/asl/synthesized.ts';
import { aStack } from './a-stack.ts';

const { template } = aStack();
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'alarms.md'), 'utf8');

const alarmProperties = z.looseObject({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  AlarmActions: z.array(z.object({ Ref: z.string() })),
  TreatMissingData: z.string(),
});
const blockedState = z.object({ States: z.object({ Blocked: z.object({ Error: z.string() }) }) });
const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) =>
  alarmProperties.parse(Properties),
);

/** Of the stack, and of nothing smaller, as handlers write it. */
const ofTheStack = [
  { Name: 'service', Value: 'keyturn' },
  { Name: 'stack', Value: 'keyturn' },
];

describe('the alarms', () => {
  it.each([
    'SweepSilent',
    'SweepFailing',
    'DeadLetters',
    'ExecutionFailed',
    'ExecutionTimedOut',
    'ExecutionAborted',
    'RotationOverdue',
    'KeyMissed',
    'RotationStuck',
    'CredentialFailing',
    'CredentialBlocked',
    'TargetFailing',
  ])('have one named %s after the stack', (name) => {
    expect(alarms.map(({ AlarmName }) => AlarmName)).toContain(`keyturn-${name}`);
  });

  it('all go to the one topic', () => {
    const topics = new Set(alarms.flatMap(({ AlarmActions }) => AlarmActions.map(({ Ref }) => Ref)));
    expect([...topics]).toEqual([expect.stringMatching(/^KeyturnAlarmsTopic/)]);
    expect(alarms.filter(({ AlarmActions }) => AlarmActions.length !== 1)).toEqual([]);
  });

  it.each(alarms)('$AlarmName says what it means and has its section in docs/alarms.md', (alarm) => {
    const [, anchor] = /\(docs\/alarms\.md#(\w+)\)$/.exec(alarm.AlarmDescription) ?? [];
    expect(anchor).toBe(alarm.AlarmName.replace('keyturn-', '').toLowerCase());
    expect(page.toLowerCase()).toContain(`\n### ${anchor}\n`);
  });

  it('take the sweep’s silence for a failure, and that of everything else for good news', () => {
    const breaching = alarms.filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
    expect(breaching.map(({ AlarmName }) => AlarmName)).toEqual(['keyturn-SweepSilent']);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'keyturn-SweepSilent',
      MetricName: 'Invocations',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      Period: 300,
      EvaluationPeriods: 3,
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: Match.stringLikeRegexp('SweepDue') } }],
    });
  });

  it.each([
    'RotationOverdue',
    'KeyMissed',
    'RotationStuck',
    'CredentialFailing',
    'CredentialBlocked',
    'TargetFailing',
  ])('watch %s where handlers write it', (MetricName) => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'keyturn',
      MetricName,
      Statistic: 'Sum',
      Threshold: 1,
      Dimensions: Match.arrayEquals(ofTheStack),
    });
  });

  it('do not promise that the sweep resumes a rotation that ended blocked', () => {
    const says = (name: string) =>
      alarms.find(({ AlarmName }) => AlarmName === `keyturn-${name}`)?.AlarmDescription;
    const { Error: error } = blockedState.parse(definitionIn(template)).States.Blocked;
    const exception = `nless its error is ${error}: then the rotation is over, and CredentialBlocked says what to do`;
    expect(says('ExecutionFailed')).toContain(`The sweep resumes it`);
    expect(says('ExecutionFailed')).toContain(exception);
    expect(says('CredentialBlocked')).toContain(
      'Remove the foreign key at the issuer, then run keyturn rotate',
    );
    expect(page).toContain(`**Unless its error is \`${error}\`**`);
  });

  it.each(['Failed', 'TimedOut', 'Aborted'])('watch executions that end as %s', (end) => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: `keyturn-Execution${end}`,
      Namespace: 'AWS/States',
      MetricName: `Executions${end}`,
      Dimensions: [
        { Name: 'StateMachineArn', Value: { Ref: Match.stringLikeRegexp('RotationStateMachine') } },
      ],
    });
  });
});

describe('the topic', () => {
  it('is encrypted, refuses plain HTTP and takes this account’s alarms', () => {
    template.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    const ofThisAccount = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };
    const cloudWatch = { Service: 'cloudwatch.amazonaws.com' };
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({ Effect: 'Allow', Principal: cloudWatch, Condition: ofThisAccount }),
        ]),
      },
    });
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Principal: cloudWatch,
            Condition: ofThisAccount,
          }),
        ]),
      },
    });
  });

  it('is where tools look for it', () => {
    template.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/keyturn/keyturn/alarm-topic',
      Value: { Ref: Match.stringLikeRegexp('AlarmsTopic') },
    });
  });
});

describe('docs/alarms.md', () => {
  it.each([...countNames, ...gaugeNames])('explains %s', (name) => {
    expect(page).toContain(`| \`${name}\` |`);
  });
});
