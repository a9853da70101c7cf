/** What owners hear: each message made, as EventBridge would, of the event's example in docs/events.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { fencesIn } from '../docs/markdown.ts';
import { aStack } from './a-stack.ts';

const { template } = aStack();
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'events.md'), 'utf8');

const event = z.object({ 'detail-type': z.string(), detail: z.record(z.string(), z.json()) });
const rule = z.object({
  EventPattern: z.object({ source: z.tuple([z.literal('keyturn')]), 'detail-type': z.tuple([z.string()]) }),
  Targets: z.tuple([
    z.looseObject({
      Arn: z.object({ Ref: z.string().startsWith('KeyturnOwnerTopic') }),
      InputTransformer: z.object({
        InputPathsMap: z.record(z.string(), z.string()),
        InputTemplate: z.string(),
      }),
    }),
  ]),
});
const message = z.looseObject({ text: z.string(), event: z.string(), credential: z.string() });

const rules = Object.values(template.findResources('AWS::Events::Rule')).flatMap(({ Properties }) => {
  const { data } = rule.safeParse(Properties);
  return data ? [data] : [];
});

const examples = new Map(
  fencesIn(page, 'json')
    .flatMap((text) => event.safeParse(JSON.parse(text)).data ?? [])
    .map((found) => [found['detail-type'], found.detail]),
);

/** A placeholder within quotes stands for a text, one without for any value as JSON. A path that leads nowhere fails. */
function messageFor({ EventPattern, Targets: [{ InputTransformer }] }: z.output<typeof rule>) {
  const detail = examples.get(EventPattern['detail-type'][0]);
  const valueAt = (path: string) => {
    const value = detail?.[path.replace('$.detail.', '')];
    if (value === undefined) throw new Error(`the event has no ${path}`);
    return value;
  };
  let filled = InputTransformer.InputTemplate;
  for (const [name, path] of Object.entries(InputTransformer.InputPathsMap)) {
    filled = filled
      .replaceAll(`:<${name}>`, `:${JSON.stringify(valueAt(path))}`)
      .replaceAll(`<${name}>`, String(valueAt(path)));
  }
  return message.parse(JSON.parse(filled));
}

describe('the owner topic', () => {
  it('hears of what a person has to do something about', () => {
    expect(rules.map(({ EventPattern }) => EventPattern['detail-type'][0]).sort()).toEqual([
      'Decision Needed',
      'Key Enabled',
      'Target Failing',
      'Unknown Key Found',
    ]);
  });

  it.each(rules.map((each) => [each.EventPattern['detail-type'][0], each] as const))(
    'gets of %s a text for people, and what a subscription can filter by',
    (type, each) => {
      const made = messageFor(each);
      expect(made).toMatchObject({
        event: type,
        credential: 'billing-agent',
        owner: { name: 'billing-team' },
        reason: expect.stringMatching(/\w/),
      });
      expect(made.text).toMatch(/^billing-agent: .* keyturn \w+ billing-agent .*--stack keyturn/);
    },
  );

  it('gets with the question the answers that hold for each, bound to it and ready to be run', () => {
    const asks = rules.find(({ EventPattern }) => EventPattern['detail-type'][0] === 'Decision Needed');
    if (!asks) throw new Error('nobody is asked');
    const { text, question, rotationId } = messageFor(asks);
    expect(question).toBe(1);
    for (const choice of ['extend 24h', 'revoke'])
      expect(text).toContain(
        `keyturn decide billing-agent ${choice} --question 1 --rotation ${rotationId} --stack keyturn`,
      );
    // Not each question can be answered so: "keyturn drain" knows.
    expect(text).not.toContain('roll-back');
    expect(text).toContain('keyturn drain billing-agent --stack keyturn');
  });

  it('gets texts in which nothing stands but ids and a number, so that no event can break them', () => {
    for (const { EventPattern, Targets } of rules) {
      const { InputPathsMap, InputTemplate } = Targets[0].InputTransformer;
      const [text = ''] = /"text":"[^"]*"/.exec(InputTemplate) ?? [];
      const used = Object.keys(InputPathsMap).filter((name) => text.includes(`<${name}>`));
      const answered = EventPattern['detail-type'][0] === 'Decision Needed' ? ['question', 'rotationId'] : [];
      expect(used.map((name) => InputPathsMap[name]).sort()).toEqual(
        ['credential', ...answered].map((field) => `$.detail.${field}`),
      );
    }
  });

  it('is encrypted, refuses plain HTTP, and is open to the rules’ role alone', () => {
    const topicPolicy = Object.values(template.findResources('AWS::SNS::TopicPolicy')).filter((policy) =>
      JSON.stringify(policy).includes('KeyturnOwnerTopic'),
    );
    expect(topicPolicy.map(({ Properties }) => Properties.PolicyDocument.Statement)).toEqual([
      [expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })],
    ]);
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
    });
    template.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
  });

  it('loses nothing: what cannot be handed over goes to the dead-letter queue', () => {
    for (const { Targets } of rules)
      expect(Targets[0]).toMatchObject({
        RoleArn: { 'Fn::GetAtt': [expect.stringMatching(/^KeyturnOwnerTopicRole/), 'Arn'] },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^KeyturnDeadLetters/), 'Arn'] } },
      });
  });

  it('is where tools look for it', () => {
    template.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/keyturn/keyturn/owner-topic',
      Value: { Ref: Match.stringLikeRegexp('OwnerTopic') },
    });
  });
});
