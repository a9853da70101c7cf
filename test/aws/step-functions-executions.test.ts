/** What Step Functions is asked, and which of its refusals is as good as an answer. */
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
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
    await executions.start('rotation-1-1', input);
    expect(stepFunctions.commandCalls(StartExecutionCommand)[0]?.args[0].input).toEqual({
      stateMachineArn,
      name: 'rotation-1-1',
      input: JSON.stringify(input),
    });
  });

  it('count as started when the name exists already', async () => {
    const exists = new ExecutionAlreadyExists({ message: 'exists', $metadata: {} });
    stepFunctions.on(StartExecutionCommand).rejects(exists);
    await expect(executions.start('rotation-1-1', input)).resolves.toBeUndefined();
  });

  it('pass any other refusal on', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    stepFunctions.on(StartExecutionCommand).rejects(denied);
    await expect(executions.start('rotation-1-1', input)).rejects.toThrow(denied);
  });
});
