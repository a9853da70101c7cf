/** What is anchored of an event: the contract between keyturn's own events, the rule that picks them and record-event. */
import * as z from 'zod';
import { InvalidInput } from '../rotation/errors.ts';
import { busEvent, eventSource, rotateRequested } from './events.ts';

const announcement = busEvent.extend({
  source: z.literal(eventSource),
  time: z.iso.datetime(),
  detail: z.looseObject({
    // It becomes a part of the object's name.
    credential: rotateRequested.detail.shape.credential,
    auditSeq: z.int().positive(),
    auditHash: z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex'),
  }),
});

/** The object that anchors an event: what the trail says of the change, and the event's detail as it was. */
export interface AuditObject {
  readonly credentialId: string;
  readonly change: {
    readonly seq: number;
    readonly hash: string;
    readonly at: string;
    readonly type: string;
    readonly detail: Readonly<Record<string, unknown>>;
  };
}

/** @throws InvalidInput for an event that is none of keyturn's announced changes. */
export function auditObject(event: unknown): AuditObject {
  const parsed = announcement.safeParse(event);
  if (!parsed.success) {
    throw new InvalidInput(
      `an event cannot be anchored, because it is no change that keyturn announces: ${z.prettifyError(parsed.error)}`,
    );
  }
  const { detail, time, 'detail-type': type } = parsed.data;
  const { credential, auditSeq, auditHash } = detail;
  return { credentialId: credential, change: { seq: auditSeq, hash: auditHash, at: time, type, detail } };
}
