/** Why a command ends with something else than 0, in words for the person who typed it. */
import { DecisionStale, InvalidInput } from '../rotation/errors.ts';
import type { ExitCode } from './host.ts';

/** A failure that keyturn foresaw: its text says what is wrong and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What went wrong on the way to AWS, as a failure that says what to do; any other error keeps its own words. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { name, message, code } = facts(error);
  const told = (text: string, exitCode: ExitCode = 1) => new Failure(text, exitCode, { cause: error });
  // Their texts are written for people already.
  if (error instanceof InvalidInput || error instanceof DecisionStale) return told(message);
  if (message === 'Region is missing') {
    return told('no AWS region is set: set AWS_REGION, or a profile with a region by AWS_PROFILE', 2);
  }
  if (name === 'CredentialsProviderError') {
    return told(`no AWS credentials are found: log in, or name a profile with AWS_PROFILE (${message})`);
  }
  if (code === 'ECONNREFUSED') {
    return told(`nobody listens at ${endpoint()}: is the local cloud running, and AWS_ENDPOINT_URL right?`);
  }
  return told(`${name}: ${message}`);
}

/** Whether there is no stack to ask: none of this name, or neither region nor credentials to look for one with. */
export function isNowhere(error: unknown): boolean {
  if (failureOf(error).exitCode === 2) return true;
  const { name, message } = facts(error);
  // Credentials that have expired are another matter: there may well be a stack.
  return name === 'CredentialsProviderError' && message.startsWith('Could not load credentials');
}

function endpoint(): string {
  const { AWS_ENDPOINT_URL: address = 'the address of AWS' } = process.env;
  return address;
}

function facts(error: unknown) {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: undefined };
  return { name: error.name, message: error.message, code: 'code' in error ? error.code : undefined };
}
