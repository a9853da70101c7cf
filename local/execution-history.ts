/** What Step Functions has written down of a rotation's executions. */
import {
  DescribeExecutionCommand,
  ExecutionDoesNotExist,
  type ExecutionStatus,
  type HistoryEvent,
  paginateGetExecutionHistory,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { executionArnOf } from '../lib/aws/step-functions-executions.ts';
import { executionNameOf } from '../lib/rotation/ids.ts';

export interface Execution {
  readonly status: ExecutionStatus;
  /** Error and cause of one that failed, for people. */
  readonly failure: string | undefined;
  readonly history: readonly HistoryEvent[];
}

export interface ExecutionPlace {
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
}

/** The rotation's first execution, which this demo never lets be resumed. @returns undefined before it has been started. */
export async function readExecution(
  { sfn, stateMachineArn }: ExecutionPlace,
  rotationId: string,
): Promise<Execution | undefined> {
  const executionArn = executionArnOf(stateMachineArn, executionNameOf(rotationId, 1));
  try {
    const {
      status = 'RUNNING',
      error,
      cause,
    } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const history: HistoryEvent[] = [];
    for await (const { events = [] } of paginateGetExecutionHistory({ client: sfn }, { executionArn })) {
      history.push(...events);
    }
    return { status, failure: error && `${error}: ${cause ?? 'no cause given'}`, history };
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw error;
  }
}
