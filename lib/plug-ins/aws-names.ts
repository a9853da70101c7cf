/** Names of keyturn.yaml that become resources in IAM policies: what is no plain name would be a wider right. */
import * as z from 'zod';

/** The name of a secret; an ARN would name none, and a wildcard many. */
export const secretName = z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, {
  error:
    'expected a name that Secrets Manager takes: letters, digits and /_+=.@- (the name, no ARN and no wildcard)',
});

/** Not an alias, which IAM does not resolve; not a token of CDK, which a file in a bundle could not carry. */
export const kmsKeyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, {
  error: 'expected the ARN of a KMS key, written out: arn:aws:kms:<region>:<account>:key/<id>',
});
