/** Called by the schedule each minute: starts the rotations that are due. */
import { sweepDue } from '../lib/rotation/sweep-due.ts';
import { withExecutions, withLedger } from './runtime/connect.ts';
import { logger } from './runtime/telemetry.ts';

const ports = { ...withLedger(), ...withExecutions() };

export const handler = async () => {
  const counts = await sweepDue(ports);
  logger.info('sweep ends', { counts });
  return counts;
};
