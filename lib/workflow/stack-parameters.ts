/** Where tools find a deployed keyturn: its parameters in Parameter Store, by name. */

/** Parameters that every stack has; `installation` is written by the first registration, the others by the deploy. */
export const stackParameters = [
  'table',
  'bus',
  'state-machine',
  'usage-queue',
  'dead-letter-queue',
  'audit-bucket',
  'alarm-topic',
  'owner-topic',
  'installation',
] as const;

export type StackParameter = (typeof stackParameters)[number];

export const parameterName = (stack: string, parameter: StackParameter): string =>
  `/keyturn/${stack}/${parameter}`;
