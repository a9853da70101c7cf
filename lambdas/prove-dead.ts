/** Step `proveDead` of the rotation workflow. */
import { proveDead } from '../lib/rotation/prove-dead.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('proveDead', proveDead, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
