/** Anchors what the bus hears of a credential's changes: one object for each, in a bucket that keeps them. */
import { auditObject } from '../lib/workflow/audit-object.ts';
import { withAuditRecorder } from './runtime/connect.ts';

const { auditRecorder } = withAuditRecorder();

export const handler = async (event: unknown): Promise<void> => {
  const { credentialId, change } = auditObject(event);
  await auditRecorder.keep(credentialId, change);
};
