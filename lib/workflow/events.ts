/** What keyturn reads from the bus; what it emits is listed in `lib/rotation/rotation.ts`. */
import * as z from 'zod';

/** Detail type and detail of the event that asks for a rotation. */
export const rotateRequested = {
  detailType: 'Rotate Requested',
  detail: z.object({
    schemaVersion: z.literal(1).default(1),
    /** Credential id. */
    credential: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a credential id: lower-case letters, digits and dashes'),
    /** Why, in words; stands in the audit trail. */
    reason: z.string().max(256).optional(),
  }),
} as const;

/** The parts of an EventBridge event that keyturn looks at. */
export const busEvent = z.object({
  id: z.string(),
  source: z.string(),
  'detail-type': z.string(),
  detail: z.unknown(),
});

/** Source of everything that keyturn emits; inbound rules never match it. */
export const eventSource = 'keyturn';
