/** Executions keep their contract on the local cloud's Step Functions. */
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it, vi } from 'vitest';
import { executionArnOf, stepFunctionsExecutions } from '../../lib/aws/step-functions-executions.ts';
import { aNewName, type CloudClientConfig, sharedCloud } from '../support/shared-cloud.ts';
import { executionsContract, type ObservedExecutions } from './executions-contract.ts';

const config = sharedCloud();

executionsContract('Step Functions', async () => {
  const client = new SFNClient(config());
  const roleArn = await aRole(config());
  const stateMachineArn = await aStateMachine(client, roleArn, waits);
  return {
    executions: stepFunctionsExecutions({ client, stateMachineArn }),
    started: () => startedIn(client, stateMachineArn),
    end: async (name) => {
      const executionArn = executionArnOf(stateMachineArn, name);
      await client.send(new StopExecutionCommand({ executionArn }));
    },
    waiting: (seconds) => aWaitingExecution(client, roleArn, seconds),
  };
});

describe('an execution that waits with a token', () => {
  it('is not there to be woken any more once somebody has stopped it', async () => {
    const client = new SFNClient(config());
    const { token, executionArn } = await aWaitingExecution(client, await aRole(config()), 600);
    await client.send(new StopExecutionCommand({ executionArn }));
    const executions = stepFunctionsExecutions({ client, stateMachineArn: 'arn:none' });
    expect(await executions.wake(token)).toBe(false);
  });
});

const waits = { StartAt: 'Wait', States: { Wait: { Type: 'Wait', Seconds: 600, End: true } } };

/** Waits as keyturn's Ask owner does, but hands its token to a queue, where a test finds it. */
async function aWaitingExecution(client: SFNClient, roleArn: string, TimeoutSeconds: number) {
  const sqs = new SQSClient(config());
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: aNewName('tokens') }));
  const Ask = {
    Type: 'Task',
    Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
    Arguments: { QueueUrl, MessageBody: '{% $states.context.Task.Token %}' },
    TimeoutSeconds,
    End: true,
  };
  const asks = { QueryLanguage: 'JSONata', StartAt: 'Ask', States: { Ask } };
  const stateMachineArn = await aStateMachine(client, roleArn, asks);
  const { executionArn = '' } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const token = received.Messages?.[0]?.Body ?? '';
  const ended = () =>
    vi.waitFor(
      async () => {
        const { status, error } = await client.send(new DescribeExecutionCommand({ executionArn }));
        expect([status, error]).not.toContain('RUNNING');
        expect(error).toBe(status === 'FAILED' ? 'States.Timeout' : undefined);
        return status === 'SUCCEEDED';
      },
      { timeout: 10_000, interval: 100 },
    );
  return { token, executionArn, ended };
}

async function aRole(clientConfig: CloudClientConfig): Promise<string> {
  const Principal = { Service: 'states.amazonaws.com' };
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }],
  };
  const { Role } = await new IAMClient(clientConfig).send(
    new CreateRoleCommand({ RoleName: aNewName('states'), AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  return Role?.Arn ?? '';
}

async function aStateMachine(client: SFNClient, roleArn: string, definition: object): Promise<string> {
  const { stateMachineArn } = await client.send(
    new CreateStateMachineCommand({
      name: aNewName('rotate'),
      roleArn,
      definition: JSON.stringify(definition),
    }),
  );
  return stateMachineArn ?? '';
}

async function startedIn(
  client: SFNClient,
  stateMachineArn: string,
): ReturnType<ObservedExecutions['started']> {
  const { executions = [] } = await client.send(new ListExecutionsCommand({ stateMachineArn }));
  return Promise.all(
    executions.map(async ({ name = '', executionArn }) => {
      const { input = '' } = await client.send(new DescribeExecutionCommand({ executionArn }));
      return { name, input: JSON.parse(input) };
    }),
  );
}
