/** Copies of keys in Parameter Store: encrypted, and written only when they change. */
import {
  GetParameterCommand,
  ParameterNotFound,
  PutParameterCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { TargetRejected, TargetUnavailable } from '../rotation/errors.ts';
import type { SecretText } from '../rotation/secret-text.ts';
import { callFailure } from './call-failure.ts';

/** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html */
const longestValue = 4096;

const advice = {
  AccessDeniedException:
    'the role may not, or the KMS key does not let it: see its policy and the key policy',
  HierarchyTypeMismatchException:
    'there is a parameter of another type: delete it, so that keyturn can make an encrypted one',
  ParameterMaxVersionLimitExceeded: 'its oldest version has a label: take the label off',
  ValidationException:
    'an Advanced parameter cannot become Standard: delete it, or give the target another name',
};

interface Parameter {
  readonly name: string;
  readonly kmsKeyArn?: string;
}

export function ssmParameters(client: SSMClient) {
  return {
    /**
     * Makes the parameter, or a new version of it, unless it has this value already: each write would take the place
     * of one of the 100 versions that are kept.
     * @throws TargetRejected for a value over 4 KiB, and when AWS refuses; else TargetUnavailable.
     */
    async put({ name, kmsKeyArn }: Parameter, value: SecretText): Promise<void> {
      const bytes = Buffer.byteLength(value.reveal());
      if (bytes > longestValue) throw tooLong(name, bytes);
      if (await holds(client, name, value)) return;
      try {
        await client.send(
          new PutParameterCommand({
            Name: name,
            Type: 'SecureString',
            Tier: 'Standard',
            Overwrite: true,
            Value: value.reveal(),
            ...(kmsKeyArn !== undefined && { KeyId: kmsKeyArn }),
          }),
        );
      } catch (error) {
        throw failure(`ssm:PutParameter of ${name}`, error);
      }
    },
    /** Looks without decrypting; a parameter that is not there is fine. @throws TargetRejected, TargetUnavailable */
    async look(name: string): Promise<void> {
      await find(client, name, false);
    },
  };
}

/** A plain parameter does not count, whatever it says. */
async function holds(client: SSMClient, name: string, value: SecretText): Promise<boolean> {
  const found = await find(client, name, true);
  return found?.Type === 'SecureString' && found.Value === value.reveal();
}

async function find(client: SSMClient, name: string, WithDecryption: boolean) {
  try {
    return (await client.send(new GetParameterCommand({ Name: name, WithDecryption }))).Parameter;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw failure(`ssm:GetParameter of ${name}`, error);
  }
}

const errors = { Rejected: TargetRejected, Unavailable: TargetUnavailable };

const failure = (where: string, error: unknown): Error => callFailure({ errors, where, advice }, error);

const tooLong = (name: string, bytes: number): TargetRejected =>
  new TargetRejected(
    `the key is ${bytes} bytes long and parameter ${name} takes ${longestValue}: use value: secret, or another kind of target`,
  );
