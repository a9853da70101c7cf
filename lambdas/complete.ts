/** Step `complete` of the rotation workflow. */
import { complete } from '../lib/rotation/complete.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('complete', complete, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
