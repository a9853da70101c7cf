/** What Step Functions is asked, and which of its refusals is as good as an answer. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { stepFunctionsExecutions } from '../../lib/aws/step-functions-executions.ts';

const stepFunctions = mockClient(SFNClient);
const stateMachineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:rotate';
const executions = stepFunctionsExecutions({
  client: new SFNClient({ region: 'us-east-1' }),
  stateMachineArn,
});
const input = { credentialId: 'billing-agent', rotationId: 'rotation-1', run: 1, requestedBy: 'schedule' };

beforeEach(() => {
  stepFunctions.reset();
});

describe('executions of Step Functions', () => {
  it('start under the given name with the input as JSON', async () => {
    stepFunctions.on(StartExecutionCommand).resolves({});
    expect(await executions.start('rotation-1-1', input)).toBe('runs');
    expect(stepFunctions.commandCalls(StartExecutionCommand)[0]?.args[0].input).toEqual({
      stateMachineArn,
      name: 'rotation-1-1',
      input: JSON.stringify(input),
    });
  });

  it.each([
    ['RUNNING', 'runs'],
    ['FAILED', 'ended'],
    ['SUCCEEDED', 'ended'],
  ] as const)('whose name exists and is %s: it %s', async (status, state) => {
    const exists = new ExecutionAlreadyExists({ message: 'exists', $metadata: {} });
    stepFunctions.on(StartExecutionCommand).rejects(exists);
    stepFunctions.on(DescribeExecutionCommand).resolves({ status });
    expect(await executions.start('rotation-1-1', input)).toBe(state);
    expect(stepFunctions.commandCalls(DescribeExecutionCommand)[0]?.args[0].input).toEqual({
      executionArn: 'arn:aws:states:us-east-1:000000000000:execution:rotate:rotation-1-1',
    });
  });

  it('are woken with nothing but the token: what was decided stands in the ledger', async () => {
    stepFunctions.on(SendTaskSuccessCommand).resolves({});
    expect(await executions.wake('a-token')).toBe(true);
    expect(stepFunctions.commandCalls(SendTaskSuccessCommand)[0]?.args[0].input).toEqual({
      taskToken: 'a-token',
      output: '{}',
    });
  });

  it.each([TaskDoesNotExist, TaskTimedOut, InvalidToken])(
    'do not wait any more where $name is the answer',
    async (Refusal) => {
      stepFunctions.on(SendTaskSuccessCommand).rejects(new Refusal({ message: 'no', $metadata: {} }));
      expect(await executions.wake('a-token')).toBe(false);
    },
  );

  it('are not taken for gone when somebody may not wake them', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    stepFunctions.on(SendTaskSuccessCommand).rejects(denied);
    await expect(executions.wake('a-token')).rejects.toThrow(denied);
  });

  it('pass any other refusal on', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    stepFunctions.on(StartExecutionCommand).rejects(denied);
    await expect(executions.start('rotation-1-1', input)).rejects.toThrow(denied);
  });
});
