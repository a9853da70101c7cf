/** What a failed AWS call means for a plug-in: refused for good, or unknown and worth another try. */
import { withoutDetails } from '../rotation/without-details.ts';

/** Refusals that pass by themselves: too many calls, another change under way, or one since we looked. */
const passing = [
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TooManyUpdates',
  'ResourceConflictException',
  'PreconditionFailedException',
];

type Failure = new (message: string, options?: ErrorOptions) => Error;

export interface FailedCall {
  /** What to throw when the call is refused for good, and when nobody knows what happened. */
  readonly errors: { readonly Rejected: Failure; readonly Unavailable: Failure };
  /** The call for people: its action and what it was about. */
  readonly where: string;
  /** What to do, by the names of errors. */
  readonly advice: Readonly<Record<string, string>>;
}

/** Only names of the SDK's error are kept: some quote the request or the answer, and so the key. */
export function callFailure({ errors, where, advice }: FailedCall, error: unknown): Error {
  const cause = withoutDetails(error);
  if (!wasRefused(error)) {
    return new errors.Unavailable(`${where} gave no answer to go by: ${cause.message}`, { cause });
  }
  const hint = advice[error.name] ?? 'see what AWS says to the same call made by hand';
  return new errors.Rejected(`${where} was refused with ${error.name}: ${hint}`, { cause });
}

/** Network failures have no status. */
function wasRefused(error: unknown): error is Error {
  if (!(error instanceof Error) || passing.includes(error.name)) return false;
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500 && status !== 429;
}

function statusOf(error: Error): number | undefined {
  const metadata = '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
