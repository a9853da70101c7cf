/** The error of a call that must fail, for tests that look at more than its name. */
import { expectNoSecret } from './expect-no-secret.ts';

/** Looks for secrets in it first. @throws Error when the call does not fail. */
export async function failureOf(call: Promise<unknown>): Promise<Error> {
  const outcome: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expectNoSecret(outcome);
  if (outcome instanceof Error) return outcome;
  throw new Error('the call should have failed');
}
