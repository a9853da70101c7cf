/** Step `enableKey` of the rotation workflow. */
import { enableKey } from '../lib/rotation/enable-key.ts';
import { withIssuers, withRotation } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('enableKey', enableKey, () => ({ ...withRotation(), ...withIssuers() }));
