/** Executions of the rotation state machine. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  InvalidToken,
  SendTaskSuccessCommand,
  type SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
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
    wake: (token) => wake(client, token),
    state: (name) => state(client, executionArnOf(stateMachineArn, name)),
  };
}

/**
 * What the task ends with says nothing: the ledger does.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
 */
async function wake(client: SFNClient, taskToken: string): Promise<boolean> {
  try {
    await client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }));
    return true;
  } catch (error) {
    if (isOver(error)) return false;
    throw error;
  }
}

/** Timed out, woken before, stopped, or of an execution long gone. */
const isOver = (error: unknown): boolean =>
  error instanceof TaskDoesNotExist || error instanceof TaskTimedOut || error instanceof InvalidToken;

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
