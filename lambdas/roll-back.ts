/** Step `rollBack` of the rotation workflow. */
import { rollBack } from '../lib/rotation/roll-back.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('rollBack', rollBack, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
