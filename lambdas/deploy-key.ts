/** Step `deployKey` of the rotation workflow. */
import { deployKey } from '../lib/rotation/deploy-key.ts';
import { withRotation, withSecrets, withTargets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('deployKey', deployKey, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withTargets(),
}));
