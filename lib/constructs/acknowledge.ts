/**
 * Findings of cdk-nag that are as they should be, with the evidence: it stands where the resource is made, so that
 * whoever checks an app with keyturn in it reads it there.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Why a finding stands. One text for all findings of a rule that stand for the same reason. */
export const evidence = {
  namesMadeLater:
    'What matches is named while keyturn runs: secrets and parameters by credential, audit objects by credential and number, executions by rotation. The prefix is all that is known when it is deployed.',
  moreRolesThanFit:
    'keyturn.yaml declares more roles of consumers than a policy has room for. Who asks for their ids may look at any role of the account, which shows its trust policy and tags, and changes nothing.',
  noResource:
    'X-Ray and the delivery of Step Functions logs have actions that take no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html and https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html',
  comesAgain:
    'Lambda keeps dead letters of asynchronous calls. This function is called by Step Functions, by the poller of a queue or by CloudFormation, which see its failures and try again, or by the schedule, which calls it again in a minute.',
  versionsOfTheSame:
    'To invoke a function CDK allows its versions as well; it is the same function, and keyturn publishes none of those that are invoked.',
} as const;

/** @param rule with its pack, as cdk-nag prints it: `Serverless-LambdaDLQ`. */
export function acknowledge(on: IConstruct, rule: string, reason: string): void {
  Validations.of(on).acknowledge({ id: rule, reason });
}

/** For AwsSolutions-IAM5, which is acknowledged resource by resource: the ARN as it stands in the statement. */
export function acknowledgeWildcard(on: IConstruct, arn: string, reason: string): void {
  acknowledge(on, `AwsSolutions-IAM5[Resource::${readable(Stack.of(on), arn)}]`, reason);
}

/** An ARN as cdk-nag prints it, and as people can read it: references in angle brackets. */
export const readable = (stack: Stack, arn: string): string => asFinding(stack.resolve(arn));

function asFinding(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Readonly<Record<string, unknown>>;
  if (typeof Ref === 'string') return `<${Ref}>`;
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`;
  if (Array.isArray(join)) return [join[1]].flat(2).map(asFinding).join('');
  return JSON.stringify(value);
}
