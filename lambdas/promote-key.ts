/** Step `promoteKey` of the rotation workflow. */
import { promoteKey } from '../lib/rotation/promote-key.ts';
import { withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('promoteKey', promoteKey, () => ({ ...withRotation(), ...withSecrets() }));
