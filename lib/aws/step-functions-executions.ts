/** Executions of the rotation state machine. */
import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Executions } from '../rotation/ports.ts';

export interface StepFunctionsExecutionsOptions {
  readonly client: SFNClient;
  readonly stateMachineArn: string;
}

/**
 * A name starts once in 90 days. While the execution runs, Step Functions answers the same request as before; when
 * it has ended, or the input differs, it says that the name exists, and that is as good.
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
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
      }
    },
  };
}
