/** Called by the schedule each minute: starts the rotations that are due, and looks for roles once an hour. */
import type { Context } from 'aws-lambda';
import { sweepDue } from '../lib/rotation/sweep-due.ts';
import { withExecutions, withLedger, withRoles } from './runtime/connect.ts';
import { enter } from './runtime/invocation.ts';
import { logger } from './runtime/telemetry.ts';

const ports = { ...withLedger(), ...withExecutions(), ...withRoles() };

export const handler = async (_event: unknown, context: Context) => {
  enter(context);
  const counts = await sweepDue(ports);
  logger.info('sweep ends', { counts });
  return counts;
};
