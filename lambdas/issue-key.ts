/** Step `issueKey` of the rotation workflow. */
import { issueKey } from '../lib/rotation/issue-key.ts';
import { withIssuers, withRotation, withSecrets } from './runtime/connect.ts';
import { stepHandler } from './runtime/handler.ts';

export const handler = stepHandler('issueKey', issueKey, () => ({
  ...withRotation(),
  ...withSecrets(),
  ...withIssuers(),
}));
