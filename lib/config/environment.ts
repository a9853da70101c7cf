/** The environment of the handlers: every variable in one table, from which construct and handlers derive. */
import * as z from 'zod';
import { InvalidInput } from '../rotation/errors.ts';

interface Variable<Schema extends z.ZodType = z.ZodType> {
  /** What the variable is called outside. */
  readonly name: string;
  readonly schema: Schema;
}

const variable = <Schema extends z.ZodType>(name: string, schema: Schema): Variable<Schema> => ({
  name,
  schema,
});
const text = z.string().min(1, { error: 'expected some text' });
const arn = z.string().startsWith('arn:', { error: 'expected an ARN' });

/** Every variable that any handler reads. */
export const environment = {
  /** Name of the ledger's table. */
  table: variable('KEYTURN_TABLE', text),
  /** Name or ARN of the event bus. */
  bus: variable('KEYTURN_BUS', text),
  /** The rotation state machine. */
  stateMachineArn: variable('KEYTURN_STATE_MACHINE_ARN', arn),
  /** The key that encrypts secrets which keyturn makes. */
  kmsKeyArn: variable('KEYTURN_KMS_KEY_ARN', arn),
  /** Where rejected requests go. */
  deadLetterQueueUrl: variable('KEYTURN_DEAD_LETTER_QUEUE_URL', z.url({ error: 'expected an address' })),
  /** Name of the SSM parameter that holds the installation's id. */
  installationParameter: variable(
    'KEYTURN_INSTALLATION_PARAMETER',
    z.string().startsWith('/', { error: 'expected a name that begins with /' }),
  ),
  /** The stack's name, by which the numbers of several in one account are told apart. */
  stack: variable('KEYTURN_STACK', text),
  /** Name of the bucket that anchors the audit trail. */
  auditBucket: variable('KEYTURN_AUDIT_BUCKET', text),
  /** Days that counts by the minute are kept, `usage.keep` of keyturn.yaml. */
  usageKeptDays: variable(
    'KEYTURN_USAGE_KEPT_DAYS',
    z.coerce.number().int().min(15, { error: 'expected at least 15 days' }),
  ),
  /** The mode at the top of keyturn.yaml. */
  mode: variable('KEYTURN_MODE', z.enum(['production', 'demo'], { error: 'expected production or demo' })),
} as const;

export type EnvironmentField = keyof typeof environment;

type Values<Field extends EnvironmentField> = {
  readonly [Each in Field]: z.output<(typeof environment)[Each]['schema']>;
};

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that a handler wants, by the table's names for them, into a frozen object.
 *
 * @example const { table, bus } = readEnvironment(['table', 'bus']);
 * @throws InvalidInput that names every missing or wrong variable.
 */
export function readEnvironment<const Field extends EnvironmentField>(
  wanted: Field | readonly Field[],
  env: Env = process.env,
): Values<Field> {
  const fields = typeof wanted === 'string' ? [wanted] : wanted;
  const read = fields.map((field) => ({ field, ...environment[field] }));
  const results = read.map(({ field, name, schema }) => ({ field, name, ...schema.safeParse(env[name]) }));
  const wrong = results.flatMap(({ name, error }) => (error ? [describe(name, error, env)] : []));
  if (wrong.length > 0) throw new InvalidInput(`the function's environment is wrong: ${wrong.join('; ')}`);
  // The schemas have just vouched for each value; TypeScript cannot follow a value back to its field.
  return Object.freeze(Object.fromEntries(results.map(({ field, data }) => [field, data]))) as Values<Field>;
}

/** The variables as Lambda wants them, from values by the table's own names. */
export function writeEnvironment(
  values: Readonly<Partial<Record<EnvironmentField, string>>>,
): Readonly<Record<string, string>> {
  const fields = Object.keys(environment) as EnvironmentField[];
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = values[field];
      return value === undefined ? [] : [[environment[field].name, value]];
    }),
  );
}

function describe(name: string, { issues }: z.ZodError, env: Env): string {
  if (env[name] === undefined) return `${name} is missing`;
  return `${name} is ${JSON.stringify(env[name])}, ${issues.map(({ message }) => message).join(', ')}`;
}
