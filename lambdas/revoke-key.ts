/** Step `revokeKey` of the rotation workflow. */
import { revokeKey } from '../lib/rotation/revoke-key.ts';
import { withIssuers, withRotation, withUsage } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('revokeKey', revokeKey, () => ({
  ...withRotation(),
  ...withIssuers(),
  ...withUsage(),
}));
