/** The invocation that runs right now: a Lambda process runs one at a time, so one variable holds it. */
import type { Context } from 'aws-lambda';
import type { Invocation } from '../../lib/rotation/ports.ts';

let current: Invocation = { requestId: 'none', deadline: new Date(0).toISOString() };

/** Called by every handler before its use-case. */
export function enter(context: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>): void {
  const deadline = new Date(Date.now() + context.getRemainingTimeInMillis()).toISOString();
  current = { requestId: context.awsRequestId, deadline };
}

/** The port: always speaks of the invocation under way. */
export const invocation: Invocation = {
  get requestId() {
    return current.requestId;
  },
  get deadline() {
    return current.deadline;
  },
};
