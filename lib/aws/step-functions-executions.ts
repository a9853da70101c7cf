/** Executions of the rotation state machine. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Executions } from '../rotation/ports.ts';

export interface StepFunctionsExecutionsOptions {
  readonly client: SFNClient;
  readonly stateMachineArn: string;
}

/**
 * A name starts once in 90 days. While the execution runs, Step Functions answers the same request as before; when
 * it has ended, or the input differs, it says that the name exists, and only a look tells which.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
 */
export function stepFunctionsExecutions({
  client,
  stateMachineArn,
}: StepFunctionsExecutionsOptions): Executions {
  return {
    async start(name, input) {
      const request = { stateMachineArn, name, input: JSON.stringify(input) };
      try {
        await client.send(new StartExecutionCommand(request));
        return 'runs';
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
        return (await state(client, executionArnOf(stateMachineArn, name))).status;
      }
    },
    state: (name) => state(client, executionArnOf(stateMachineArn, name)),
  };
}

/** Step Functions forgets an execution 90 days after its end. */
async function state(client: SFNClient, executionArn: string): ReturnType<Executions['state']> {
  try {
    const { status, startDate } = await client.send(new DescribeExecutionCommand({ executionArn }));
    const runs = status === 'RUNNING' || status === 'PENDING_REDRIVE';
    return { status: runs ? 'runs' : 'ended', startedAt: startDate?.toISOString() ?? null };
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return { status: 'ended', startedAt: null };
    throw error;
  }
}

/** `…:stateMachine:<name>` and the execution's name make `…:execution:<name>:<execution>`. */
export const executionArnOf = (stateMachineArn: string, name: string): string =>
  `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
