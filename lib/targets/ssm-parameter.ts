/** The target that keeps a copy of the key in Parameter Store, for software that reads its secrets there. */
import * as z from 'zod';
import { kmsKeyArn } from '../plug-ins/aws-names.ts';
import type { Need } from '../plug-ins/need.ts';
import { defineTarget } from './define-target.ts';

const variable = '${credential}';

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html */
const parameterName = z
  .string()
  .regex(/^(\/([A-Za-z0-9_.-]|\$\{credential\})+){1,15}$/, {
    error: 'expected a name such as /app/${credential}: up to 15 parts of letters, digits and _.- after a /',
  })
  .regex(/^\/(?!aws|ssm)/i, { error: 'expected a name that does not begin with /aws or /ssm' })
  // Deploy key may write whatever fits the name: neither every parameter, nor those that the stack is found by.
  .regex(/^\/(?!keyturn\/)/, {
    error: "expected a name that does not begin with /keyturn/: keyturn's own are there",
  })
  .regex(/^(?!\/[^/]*\$)/, {
    error: 'expected a first part without a variable, such as /app in /app/${credential}',
  });

const block = z.strictObject({
  type: z.literal('ssm-parameter'),
  /** `${credential}` stands for the credential's id; without it the block fits one credential only. */
  name: parameterName,
  /** The secret part alone, or the text as the secret holds it. */
  value: z.enum(['secret', 'text']).default('secret'),
  /** @default the account's key for Parameter Store, `alias/aws/ssm` */
  kmsKeyArn: kmsKeyArn.optional(),
});

export const ssmParameter = defineTarget({
  type: 'ssm-parameter',
  config: block,
  permissions: ({ name, kmsKeyArn }) => {
    const resources = [
      `arn:\${Partition}:ssm:\${Region}:\${Account}:parameter${name.replaceAll(variable, '*')}`,
    ];
    return {
      deploy: [
        { kind: 'iam', actions: ['ssm:GetParameter', 'ssm:PutParameter'], resources },
        ...kms(kmsKeyArn),
      ],
      check: [{ kind: 'iam', actions: ['ssm:GetParameter'], resources }],
    };
  },
  reads: 'value',
  connect: ({ name, value, kmsKeyArn }, { parameters }) => ({
    async deploy({ credentialId, read }) {
      const parameter = {
        name: name.replaceAll(variable, credentialId),
        ...(kmsKeyArn !== undefined && { kmsKeyArn }),
      };
      await parameters.put(parameter, (await read())[value]);
    },
    // Of a name for many credentials no single one can be asked for: any shows whether the rights are there.
    check: () => parameters.look(name.replaceAll(variable, 'keyturn')),
  }),
});

/**
 * The account's own key for Parameter Store needs no rights.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
const kms = (kmsKeyArn: string | undefined): readonly Need[] =>
  kmsKeyArn === undefined
    ? []
    : [{ kind: 'iam', actions: ['kms:Decrypt', 'kms:Encrypt'], resources: [kmsKeyArn] }];
