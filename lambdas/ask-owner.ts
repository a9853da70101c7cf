/** Step `askOwner` of the rotation workflow. */
import { askOwner } from '../lib/rotation/ask-owner.ts';
import { withRotation } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('askOwner', askOwner, withRotation);
