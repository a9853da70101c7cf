/** The shape of keyturn.yaml, field by field; what concerns more than one field is in `rules.ts`. */
import * as z from 'zod';
import { duration } from './durations.ts';
import { type GracePreset, gracePresets } from './policy-presets.ts';

const text = z.string().min(1);

/** Names of credentials, issuers and consumers. */
const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'expected lower-case letters, digits and dashes, at most 63, not beginning with a dash',
});

const secretName = z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, {
  error: 'expected a name that Secrets Manager takes: letters, digits and /_+=.@-',
});

const arn = (service: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:`), { error: `expected an ARN of ${service}` });

/** Secrets that keyturn may write. */
const prefixSchema = z.strictObject({
  /** `<stack>` stands for the stack's name. */
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9/_+=.@-]+(<stack>[A-Za-z0-9/_+=.@-]*)?$|^<stack>[A-Za-z0-9/_+=.@-]+$/, {
      error: 'expected the beginning of secret names: letters, digits, /_+=.@- and <stack>',
    }),
});

const mode = z.enum(['production', 'demo']).default('production');
const secrets = z
  .array(prefixSchema)
  .min(1)
  .max(20)
  .default([{ prefix: 'keyturn/<stack>/' }]);

export const fileSchema = z.strictObject({
  mode,
  secrets,
  // Read one by one, so that a mistake in one hides none in another.
  issuers: z.record(nameSchema, z.unknown()),
  credentials: z.record(nameSchema, z.unknown()),
});

const anyBlocks = z.record(z.string(), z.unknown()).catch({});

/** Accepts everything: what is wrong counts as what forbids least, so that it brings no mistakes after it. */
export const wrongFileSchema: z.ZodType<FileShape> = z
  .object({
    mode: mode.catch('demo'),
    secrets: secrets.catch([]),
    issuers: anyBlocks,
    credentials: anyBlocks,
  })
  .catch({ mode: 'demo', secrets: [], issuers: {}, credentials: {} });

const consumerSchema = z.strictObject({
  name: nameSchema,
  role: arn('iam').optional(),
  /** `continuous` reports all the time, `intermittent` (Lambda, cron, CI) only when it runs. */
  presence: z.enum(['continuous', 'intermittent']).default('continuous'),
  /** How long an intermittent consumer may go between two runs. */
  period: duration.optional(),
  /** @default 1 h, in `mode: demo` 30 s */
  lostAfter: duration.optional(),
});

const secretSchema = z.strictObject({
  /** @default the first prefix and the credential's id */
  name: secretName.optional(),
  format: z.enum(['json', 'text']).default('json'),
  /** JSON fields that keyturn writes. @default apiKey, keyId and generation */
  fields: z.strictObject({ secret: text, keyId: text.optional(), generation: text.optional() }).optional(),
  /** JSON fields written as they are. */
  constants: z.record(text, z.string()).optional(),
});

const graceSchema = z.union(
  [
    z.enum(['kubernetes', 'manual', 'air-gapped'] satisfies readonly GracePreset[]),
    z.strictObject({ min: duration, max: duration, quiet: duration }),
  ],
  { error: `expected ${Object.keys(gracePresets).join(', ')}, or { min, max, quiet }` },
);

const privilege = z.enum(['standard', 'high']).default('standard');
const policy = z
  .strictObject({
    /** @default 90 d, with `privilege: high` 30 d */
    rotateEvery: duration.optional(),
    /** @default manual */
    grace: graceSchema.optional(),
  })
  .default({});
const consumers = z.array(consumerSchema).default([]);

export const credentialSchema = z.strictObject({
  /** Name of a block under `issuers`. */
  issuer: text,
  owner: z.strictObject({ name: text, notify: text.optional() }),
  privilege,
  secret: secretSchema.optional(),
  policy,
  consumers,
});

/** Accepts everything, as `wrongFileSchema` does: a field without mistakes is still checked against the others. */
const wrongCredentialSchema = z
  .object({
    issuer: text.optional().catch(undefined),
    privilege: privilege.catch('standard'),
    secret: secretSchema.optional().catch(undefined),
    policy: policy.optional().catch(undefined),
    consumers: consumers.catch([]),
  })
  .catch({ issuer: undefined, privilege: 'standard', secret: undefined, policy: undefined, consumers: [] });

/** What of a credential can be told, whether it has mistakes or not. */
export const whatIsRight = (credential: unknown): RightParts => wrongCredentialSchema.parse(credential);

export type FileShape = z.output<typeof fileSchema>;
export type CredentialBlock = z.output<typeof credentialSchema>;
export type RightParts = z.output<typeof wrongCredentialSchema>;
