/** Step `checkDrain` of the rotation workflow. */
import { checkDrain } from '../lib/rotation/check-drain.ts';
import { withIssuers, withRotation, withUsage } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('checkDrain', checkDrain, () => ({
  ...withRotation(),
  ...withIssuers(),
  ...withUsage(),
}));
