/**
 * List prices in us-east-1, US dollars, without free tier, volume tiers or reservations, as the pages below had them
 * in November 2026. The one place where a price stands: change one here, and the bench's figures follow.
 */

/** What is billed by use. */
export const perUse = {
  /** @see https://aws.amazon.com/step-functions/pricing/ Standard workflows, a state transition */
  transition: 0.025 / 1e3,
  /** @see https://aws.amazon.com/lambda/pricing/ a request */
  lambdaRequest: 0.2 / 1e6,
  /** The same page, Arm, first tier: a GB-second; the initialisation is billed as well. */
  lambdaGbSecond: 0.0000133334,
  /** @see https://aws.amazon.com/dynamodb/pricing/on-demand/ a write request unit, standard table class */
  writeUnit: 0.625 / 1e6,
  /** The same page: a read request unit. */
  readUnit: 0.125 / 1e6,
  /** @see https://aws.amazon.com/secrets-manager/pricing/ an API call */
  secretsManagerCall: 0.05 / 1e4,
  /** @see https://aws.amazon.com/eventbridge/pricing/ a custom event of up to 64 KiB */
  busEvent: 1 / 1e6,
  /** The same page: an invocation by EventBridge Scheduler. */
  schedule: 1 / 1e6,
  /** @see https://aws.amazon.com/kms/pricing/ a request with a symmetric key */
  kmsRequest: 0.03 / 1e4,
  /** @see https://aws.amazon.com/sqs/pricing/ a request to a standard queue */
  sqsRequest: 0.4 / 1e6,
  /** @see https://aws.amazon.com/s3/pricing/ a PUT, S3 Standard */
  s3Put: 0.005 / 1e3,
  /** @see https://aws.amazon.com/cloudwatch/pricing/ a GB of logs taken in, vended ones as well */
  logGb: 0.5,
  /** @see https://aws.amazon.com/xray/pricing/ a trace recorded */
  trace: 5 / 1e6,
} as const;

export type Usage = keyof typeof perUse;

/** What is billed by the month, whether a rotation runs or not. */
export const perMonth = {
  /** @see https://aws.amazon.com/kms/pricing/ a customer managed key */
  kmsKey: 1,
  /** @see https://aws.amazon.com/secrets-manager/pricing/ a secret: one per credential, and the issuers' admin secrets */
  secret: 0.4,
  /** @see https://aws.amazon.com/cloudwatch/pricing/ a metric with its dimensions, in months in which it is written */
  metric: 0.3,
  /** The same page: an alarm on one metric. */
  alarm: 0.1,
  /** The same page: a dashboard. */
  dashboard: 3,
} as const;

export type Standing = keyof typeof perMonth;
