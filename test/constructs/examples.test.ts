/** What stands in examples/ deploys: every keyturn.yaml as a stack, and the CDK app as it is. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { InvoicerStack } from '../../examples/cdk-app/invoicer-stack.ts';
import { PlatformStack } from '../../examples/cdk-app/platform-stack.ts';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { Keyturn } from '../../lib/constructs/keyturn.ts';

const root = join(import.meta.dirname, '..', '..');
const files = globSync('examples/*/keyturn.yaml', { cwd: root });
const anApp = () => new App({ context: { 'aws:cdk:bundling-stacks': [] } });

describe.each(files)('%s', (file) => {
  const path = join(root, file);

  it('is right, and declares at least one credential', () => {
    const { credentials } = parseKeyturnFile(readFileSync(path, 'utf8'), { stack: 'example' });
    expect(Object.keys(credentials)).not.toEqual([]);
  });

  it('becomes a stack', () => {
    const stack = new Stack(anApp(), 'example');
    new Keyturn(stack, 'Keyturn', { config: path });
    expect(() => Template.fromStack(stack)).not.toThrow();
  });
});

describe('the CDK app', () => {
  const app = anApp();
  const platform = new PlatformStack(app, 'platform');
  const invoicer = new InvoicerStack(app, 'invoicer', { keyturn: platform.keyturn });

  it('lets the service read its secret and report its use, and nothing else', () => {
    const policies = Template.fromStack(invoicer).findResources('AWS::IAM::Policy');
    const actions = Object.values(policies).flatMap(({ Properties }) =>
      Properties.PolicyDocument.Statement.map(({ Action }: { readonly Action: unknown }) => Action),
    );
    expect(actions.flat().sort()).toEqual([
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'secretsmanager:GetSecretValue',
      'sqs:SendMessage',
    ]);
  });

  it('hears of the promotions of its own credential', () => {
    Template.fromStack(invoicer).hasResourceProperties('AWS::Events::Rule', {
      EventPattern: Match.objectLike({ detail: { credential: ['invoicer'] } }),
    });
  });

  it('sends the alarms to somebody', () => {
    Template.fromStack(platform).hasResourceProperties('AWS::SNS::Subscription', {
      Endpoint: 'oncall@example.com',
    });
  });
});
