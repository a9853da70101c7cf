/** Step `begin` of the rotation workflow. */
import { begin } from '../lib/rotation/begin.ts';
import { withIssuers, withRotation } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('begin', begin, () => ({ ...withRotation(), ...withIssuers() }));
