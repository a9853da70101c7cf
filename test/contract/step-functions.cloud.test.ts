/** Executions keep their contract on the local cloud's Step Functions. */
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { executionArnOf, stepFunctionsExecutions } from '../../lib/aws/step-functions-executions.ts';
import { aNewName, type CloudClientConfig, sharedCloud } from '../support/shared-cloud.ts';
import { executionsContract, type ObservedExecutions } from './executions-contract.ts';

const config = sharedCloud();

executionsContract('Step Functions', async () => {
  const client = new SFNClient(config());
  const stateMachineArn = await aStateMachine(client, await aRole(config()));
  return {
    executions: stepFunctionsExecutions({ client, stateMachineArn }),
    started: () => startedIn(client, stateMachineArn),
    end: async (name) => {
      const executionArn = executionArnOf(stateMachineArn, name);
      await client.send(new StopExecutionCommand({ executionArn }));
    },
  };
});

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

async function aStateMachine(client: SFNClient, roleArn: string): Promise<string> {
  const definition = { StartAt: 'Wait', States: { Wait: { Type: 'Wait', Seconds: 600, End: true } } };
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
