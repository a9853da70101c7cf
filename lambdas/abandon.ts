/** Step `abandon` of the rotation workflow. */
import { abandon } from '../lib/rotation/abandon.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('abandon', abandon, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
