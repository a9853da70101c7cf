/** Step `checkBreakage` of the rotation workflow. */
import { checkBreakage } from '../lib/rotation/check-breakage.ts';
import { withIssuers, withRotation, withUsage } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('checkBreakage', checkBreakage, () => ({
  ...withRotation(),
  ...withIssuers(),
  ...withUsage(),
}));
