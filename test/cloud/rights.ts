/** What each role may do against what it did in the whole run: nothing was denied, and nothing is allowed in vain. */
import { readFile } from 'node:fs/promises';
import {
  GetRolePolicyCommand,
  IAMClient,
  paginateListRolePolicies,
  paginateListRoles,
} from '@aws-sdk/client-iam';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { type Deployed, stackName } from './deployed.ts';

/** Rights that a run on the local cloud does not show in use, as `<function>: <action>`, each with the reason. */
const notShown: readonly (readonly [RegExp, reason: string])[] = [
  [/: kms:/, 'the local cloud encrypts nothing, so nobody asks for a key'],
  [/: logs:/, 'Lambda writes the log with the role, not the function'],
  [/: xray:/, 'the local cloud has no X-Ray'],
  [
    /: sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes|GetQueueUrl|ChangeMessageVisibility)$/,
    'the event source takes messages on the function’s behalf',
  ],
  [/^(RecordEvent|SweepSchedule): sqs:SendMessage$/, 'the service puts aside what cannot be delivered'],
  [/^(SweepSchedule|RotationStateMachine): lambda:InvokeFunction$/, 'the local cloud asks functions only'],
  [/^IssueKey: secretsmanager:TagResource$/, 'asked for by CreateSecret with tags, on AWS'],
  [/: events:PutEvents$/, 'every step sends what one before it has died without sending'],
  [
    /^(Abandon|ProveDead): iam:ListAccessKeys$/,
    'no rotation of the access key is abandoned here, or loses a value: the registry’s show it by its own list',
  ],
  [/^AskOwner: dynamodb:PutItem$/, 'every step may write audited changes; this one keeps a token only'],
  [
    /^EnableKey: iam:UpdateAccessKey$/,
    'nobody misses the access key here; the vendor’s keys show the way back by its own API',
  ],
  [/^OwnerTopic: sns:Publish$/, 'the bus publishes with it, and the local cloud without asking for a role'],
  [/^RecordEvent: s3:GetObject$/, 'to compare, when an event comes twice'],
  [/^SweepDue: dynamodb:(Scan|PutItem)$/, 'the survey of each hour, and what waits for its window'],
  [
    /^RegisterCredentials: (dynamodb:UpdateItem|states:DescribeExecution)$/,
    'its sweep, when it finds a rotation that was left lying',
  ],
];

export function rights(deployment: () => Deployed): void {
  it('is denied nothing', async () => {
    const denied = (await calls(deployment())).filter(({ allowed }) => !allowed);
    expect(
      denied.map(({ principal, action, resource }) => `${functionOf(principal)}: ${action} on ${resource}`),
    ).toEqual([]);
  });

  it('has no right that it never uses', async () => {
    const on = deployment();
    const used = Map.groupBy(await calls(on), ({ principal }) => functionOf(principal));
    const unused = (await allowed(on))
      .filter(({ name, action }) => !used.get(name)?.some((call) => call.action === action))
      .map(({ name, action }) => `${name}: ${action}`);
    expect(used.size).toBeGreaterThan(10);
    expect(unused.filter((right) => !notShown.some(([known]) => known.test(right)))).toEqual([]);
  });
}

const callSchema = z.object({
  principal: z.string(),
  action: z.string(),
  resource: z.string(),
  allowed: z.boolean(),
});

/** Calls that keyturn's own functions have made. */
async function calls(on: Deployed) {
  const lines = (await readFile(on.cloud.callsFile, 'utf8')).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => callSchema.parse(JSON.parse(line)))
    .filter(({ principal }) => ours.test(principal));
}

/** Logical ids become `<stack>-Keyturn<Function>Role<hash>-<random>`. */
const ours = new RegExp(`${stackName}-Keyturn(\\w+?)Role`);

const functionOf = (role: string): string => ours.exec(role)?.[1] ?? role;

async function allowed(on: Deployed) {
  const client = new IAMClient(on.aws);
  const found: { readonly name: string; readonly action: string }[] = [];
  for await (const { Roles = [] } of paginateListRoles({ client }, {})) {
    for (const { RoleName = '' } of Roles.filter((role) => ours.test(role.RoleName ?? ''))) {
      for (const action of await actionsOf(client, RoleName))
        found.push({ name: functionOf(RoleName), action });
    }
  }
  return found;
}

const policySchema = z.object({
  Statement: z.array(z.object({ Action: z.union([z.string(), z.array(z.string())]) })),
});

async function actionsOf(client: IAMClient, RoleName: string): Promise<ReadonlySet<string>> {
  const actions = new Set<string>();
  for await (const { PolicyNames = [] } of paginateListRolePolicies({ client }, { RoleName })) {
    for (const PolicyName of PolicyNames) {
      const { PolicyDocument = '' } = await client.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      const { Statement } = policySchema.parse(JSON.parse(decodeURIComponent(PolicyDocument)));
      for (const { Action } of Statement) for (const action of [Action].flat()) actions.add(action);
    }
  }
  return actions;
}
