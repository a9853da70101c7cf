/**
 * The shape of keyturn.yaml, field by field; what concerns more than one field is in `rules.ts`. The descriptions are
 * what editors show and what docs/config.md is made of.
 */
import * as z from 'zod';
import { issuerBlockSchema } from '../issuers/index.ts';
import { kmsKeyArn, secretName } from '../plug-ins/aws-names.ts';
import { targetBlockSchema } from '../targets/index.ts';
import { duration } from './durations.ts';
import { defaultKeep, type GracePreset, gracePresets } from './policy-presets.ts';
import { windowsSchema } from './windows.ts';

const text = z.string().min(1);

/** Names of credentials, issuers, targets and consumers. */
const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'expected lower-case letters, digits and dashes, at most 63, not beginning with a dash',
});

/** Not of a session (`arn:aws:sts::…:assumed-role/…`), and not yet to be known, as a token of the CDK would be. */
const roleArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/([\x21-\x7e]+\/)?[A-Za-z0-9_+=,.@-]{1,64}$/, {
    error: 'expected the ARN of a role, written out: arn:aws:iam::<account>:role/<name>',
  });

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids */
const roleId = z.string().regex(/^AROA[A-Z0-9]{12,124}$/, {
  error:
    'expected the unique id of a role, AROA and more (aws iam get-role --role-name <name> --query Role.RoleId)',
});

const prefixSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9/_+=.@-]+(<stack>[A-Za-z0-9/_+=.@-]*)?$|^<stack>[A-Za-z0-9/_+=.@-]+$/, {
      error: 'expected the beginning of secret names: letters, digits, /_+=.@- and <stack>',
    })
    .meta({ description: "How the names of the secrets begin; `<stack>` stands for the stack's name." }),
  kmsKeyArn: kmsKeyArn.optional().meta({
    description:
      "The KMS key that encrypts new secrets below the prefix, of this Region; its policy must leave access to IAM. Default: the stack's own key.",
  }),
});

const mode = z.enum(['production', 'demo']).default('production').meta({
  description: '`demo` allows durations of seconds, and issuers on this machine without TLS.',
});
const secrets = z
  .array(prefixSchema)
  .min(1)
  .max(20)
  .default([{ prefix: 'keyturn/<stack>/' }])
  .meta({
    description:
      'Secrets that keyturn may write, by the beginning of their names. The longest that fits counts.',
  });

const usage = z
  .strictObject({
    keep: duration.prefault('30d').meta({
      description:
        'How long the uses of each minute stay in the ledger, for charts: 15d to 400d. Sums by consumer and day stay for ever.',
    }),
  })
  .prefault({})
  .meta({ description: 'What keyturn keeps of usage reports.' });

export const fileSchema = z.strictObject({
  mode,
  secrets,
  usage,
  // Read one by one, so that a mistake in one hides none in another.
  issuers: z.record(nameSchema, z.unknown()),
  targets: z.record(nameSchema, z.unknown()).default({}),
  credentials: z.record(nameSchema, z.unknown()),
});

const anyBlocks = z.record(z.string(), z.unknown()).catch({});

/** Accepts everything: what is wrong counts as what forbids least, so that it brings no mistakes after it. */
export const wrongFileSchema: z.ZodType<FileShape> = z
  .object({
    mode: mode.catch('demo'),
    secrets: secrets.catch([]),
    usage: usage.catch({ keep: defaultKeep }),
    issuers: anyBlocks,
    targets: anyBlocks,
    credentials: anyBlocks,
  })
  .catch({
    mode: 'demo',
    secrets: [],
    usage: { keep: defaultKeep },
    issuers: {},
    targets: {},
    credentials: {},
  });

const consumerSchema = z.strictObject({
  name: nameSchema.meta({ description: 'What it calls itself in its usage reports.' }),
  role: roleArn.optional().meta({
    description:
      'ARN of the role whose sessions send its reports. What anybody else says in its name counts as use only, never as silence. Without it, whoever may send to the usage queue can speak for the consumer.',
  }),
  roleId: roleId.optional().meta({
    description:
      'Unique id of that role, `AROA…`, for one of another account, which keyturn cannot ask for it. A role that is made anew gets another.',
  }),
  presence: z.enum(['continuous', 'intermittent']).default('continuous').meta({
    description: '`continuous` reports all the time, `intermittent` (Lambda, cron, CI) only when it runs.',
  }),
  period: duration.optional().meta({
    description: 'How long an intermittent consumer may go between two runs; needed there.',
  }),
  lostAfter: duration.optional().meta({
    description:
      'Without a report for so long, an instance counts as gone; outside `mode: demo` at least 1h. Default: 1h, in `mode: demo` 30s.',
  }),
});

const fields = z.strictObject({
  secret: text.meta({ description: 'Name of the JSON field for the secret part of the key.' }),
  keyId: text
    .optional()
    .meta({ description: "Name of the JSON field for the issuer's public id of the key." }),
  generation: text.optional().meta({ description: 'Name of the JSON field for the generation.' }),
});

const secretSchema = z.strictObject({
  name: secretName.optional().meta({
    description:
      "Its name in Secrets Manager, below one of the prefixes. Default: the first prefix and the credential's id.",
  }),
  format: z.enum(['json', 'text']).default('json').meta({
    description: '`text`: the key alone. `json`: an object with the `fields` and `constants`.',
  }),
  fields: fields.optional().meta({
    description: 'JSON fields that keyturn writes. Default: `apiKey`, `keyId` and `generation`.',
  }),
  constants: z.record(text, z.string()).optional().meta({
    description: 'JSON fields written as they are, beside those.',
  }),
});

const graceSchema = z
  .union(
    [
      z.enum(['kubernetes', 'manual', 'air-gapped'] satisfies readonly GracePreset[]),
      z.strictObject({
        min: duration.meta({ description: 'No revoke before.' }),
        max: duration.meta({ description: 'The deadline: after it, `atDeadline` holds.' }),
        quiet: duration.meta({ description: 'So long nobody may have used the old key.' }),
      }),
    ],
    { error: `expected ${Object.keys(gracePresets).join(', ')}, or { min, max, quiet }` },
  )
  .meta({
    description:
      'How long both keys live, as one of these names or with three durations. `kubernetes` is 1h, 4h and 15m, `manual` 24h, 48h and 4h, `air-gapped` 7d, 14d and 24h. Default: `manual`.',
  });

const privilege = z.enum(['standard', 'high']).default('standard').meta({
  description: 'What the key can do: one of `high` privilege is rotated more often.',
});
const policy = z
  .strictObject({
    rotateEvery: duration.optional().meta({
      description: 'From one promotion to the next rotation. Default: 90d, with `privilege: high` 30d.',
    }),
    grace: graceSchema.optional(),
    atDeadline: z.enum(['ask', 'extend', 'revoke']).default('ask').meta({
      description:
        'What follows when the grace is over without proof that the old key is out of use. `ask`: its owner is asked. `extend`: it lives on for another grace.max, three times at most, then the owner is asked. `revoke`: it is revoked, whoever still uses it.',
    }),
    observe: duration.optional().meta({
      description:
        'How long the old key is disabled before it is revoked, where the issuer can disable and breakage can be seen; outside `mode: demo` 5m to 24h. Default: 30m, in `mode: demo` 2s.',
    }),
    keyTtl: duration.optional().meta({
      description:
        'How long the issuer lets each key live. Only where it can (`expiry` on its page), and longer than grace.max + 48h. Default: as long as the issuer likes.',
    }),
    window: windowsSchema.optional().meta({
      description:
        'Hours in which a rotation may start, promote and revoke: one window or a list. Default: always.',
    }),
  })
  .prefault({})
  .meta({ description: 'When the key is rotated, and how.' });
const consumers = z.array(consumerSchema).default([]).meta({
  description: 'Who uses the key. The old one lives until all of them are seen on the new one.',
});
const targets = z.array(text).default([]).meta({
  description: 'Names under `targets` that get each new key after its promotion.',
});
const adopt = z.strictObject({
  keyId: text.meta({ description: "The issuer's public id of the key that the secret holds now." }),
});

const owner = z
  .strictObject({
    name: text.meta({ description: 'A team or a person.' }),
    notify: text.optional().meta({ description: 'Where to tell them, in words of your own.' }),
  })
  .meta({ description: 'Who is asked when somebody must decide.' });

export const credentialSchema = z.strictObject({
  issuer: text.meta({ description: 'A name under `issuers`.' }),
  owner,
  privilege,
  secret: secretSchema.optional().meta({ description: 'Where consumers read the key, and in what shape.' }),
  policy,
  consumers,
  targets,
  adopt: adopt.optional().meta({
    description:
      'Takes over the key that the secret `secret.name` holds already, instead of making a first one.',
  }),
});

/** Accepts everything, as `wrongFileSchema` does: a field without mistakes is still checked against the others. */
const wrongCredentialSchema = z
  .object({
    issuer: text.optional().catch(undefined),
    privilege: privilege.catch('standard'),
    secret: secretSchema.optional().catch(undefined),
    policy: policy.optional().catch(undefined),
    consumers: consumers.catch([]),
    targets: targets.catch([]),
    adopt: adopt.optional().catch(undefined),
  })
  .catch({ privilege: 'standard', consumers: [], targets: [] });

/** What of a credential can be told, whether it has mistakes or not. */
export const whatIsRight = (credential: unknown): RightParts => wrongCredentialSchema.parse(credential);

/** All of it at once, for editors and for the types of who writes it in TypeScript. */
export const wholeFileSchema = fileSchema.extend({
  issuers: z.record(nameSchema, issuerBlockSchema).meta({
    description: 'Systems that make and kill keys, by names of your own.',
  }),
  targets: z.record(nameSchema, targetBlockSchema).default({}).meta({
    description: 'Places that hold a copy of a key, or restart what does, by names of your own.',
  }),
  credentials: z.record(nameSchema, credentialSchema).meta({
    description: 'The keys to rotate, by ids that stay for ever.',
  }),
});

export type FileShape = z.output<typeof fileSchema>;
export type CredentialBlock = z.output<typeof credentialSchema>;
export type RightParts = z.output<typeof wrongCredentialSchema>;
/** keyturn.yaml as it is written, before defaults. */
export type KeyturnInput = z.input<typeof wholeFileSchema>;
/** One block under `credentials:`, as it is written. */
export type CredentialInput = z.input<typeof credentialSchema>;
