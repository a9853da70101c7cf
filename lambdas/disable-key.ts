/** Step `disableKey` of the rotation workflow. */
import { disableKey } from '../lib/rotation/disable-key.ts';
import { withIssuers, withRotation } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('disableKey', disableKey, () => ({ ...withRotation(), ...withIssuers() }));
