/** Step `verifyKey` of the rotation workflow. */
import { verifyKey } from '../lib/rotation/verify-key.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('verifyKey', verifyKey, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
