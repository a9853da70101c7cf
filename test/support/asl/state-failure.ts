/** A failure as a state machine sees it: an Error to route on and a Cause for people. */

export class StateFailure extends Error {
  override readonly name = 'StateFailure';
  /** What `ErrorEquals` is compared with. */
  readonly error: string;
  readonly text: string;

  constructor(error: string, text: string, options?: ErrorOptions) {
    super(`${error}: ${text}`, options);
    this.error = error;
    this.text = text;
  }
}

/**
 * What Lambda tells of an error that a handler threw: its name, and JSON of it as the cause.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export function asLambdaTells(thrown: unknown): StateFailure {
  const errorType = thrown instanceof Error ? thrown.name : 'Error';
  const errorMessage = thrown instanceof Error ? thrown.message : String(thrown);
  const cause = JSON.stringify({ errorType, errorMessage, trace: [] });
  return new StateFailure(errorType, cause, { cause: thrown });
}
