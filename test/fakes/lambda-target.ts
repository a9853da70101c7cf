/**
 * One Lambda function of a team behind a real Lambda client, as far as keyturn uses it. Its code remembers what it
 * was called with, and drops what it has handled before, as the target's page asks for.
 *
 * Spec:
 * - `Invoke` with `RequestResponse` (the default) runs the function: 200 with its result; when it throws, 200 with
 *   `X-Amz-Function-Error` and a payload that quotes whatever it likes. `DryRun` → 204, and nothing runs.
 *   https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * - `GetFunctionConfiguration` → environment, revision and state of the last update. Variables that the caller may
 *   not decrypt are left out, with `Environment.Error` in their place.
 *   https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
 * - `UpdateFunctionConfiguration` replaces the environment as a whole and makes a new revision; another `RevisionId`
 *   than the newest is 412 `PreconditionFailedException`, and a change under way 409 `ResourceConflictException`.
 *   https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
 * - An unknown function is 404 `ResourceNotFoundException`.
 */
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Failing } from '../contract/target-contract.ts';
import { refusal, type WireAnswer, type WireRequest, wiredTo } from '../support/sdk-wire.ts';
import { SENTINEL } from '../support/sentinel.ts';

export interface TeamFunction {
  readonly client: LambdaClient;
  readonly name: string;
  /** Every request, `Invoke` with its payload. */
  readonly requests: readonly WireRequest[];
  /** Versions that its code has handled, each once for a rotation. */
  readonly handled: readonly string[];
  /** Its environment; a variable of it is a secret. */
  environment(): Readonly<Record<string, string>>;
  /** How often its environment was changed. */
  updates(): number;
  fail(failing: Failing): void;
  /** Its code throws from now on. */
  crash(): void;
  /** Nobody may decrypt its environment from now on. */
  hideEnvironment(): void;
  /** The last update has failed: the old environments go on. */
  failLastUpdate(): void;
  /** Somebody else changes its configuration between the next look and the update after it. */
  changeMeanwhile(): void;
  /** The next call is refused like this. */
  refuseNext(status: number, name: string): void;
}

export function teamFunction(name = 'on-key-promoted'): TeamFunction {
  const requests: WireRequest[] = [];
  const handled: string[] = [];
  const known = new Set<string>();
  const refusals: WireAnswer[] = [];
  let variables: Readonly<Record<string, string>> = { DATABASE_PASSWORD: SENTINEL };
  let updates = 0;
  let revision = 1;
  let failing: Failing = false;
  let crashing = false;
  let hidden = false;
  let lastUpdate = 'Successful';
  let changing = false;

  const invoke = ({ headers, body }: WireRequest): WireAnswer => {
    if (headers['x-amz-invocation-type'] === 'DryRun') return { status: 204 };
    if (crashing) {
      const errorMessage = `cannot connect with ${SENTINEL}`;
      return {
        status: 200,
        headers: { 'x-amz-function-error': 'Unhandled' },
        body: { errorType: 'ConnectionRefused', errorMessage },
      };
    }
    const id = `${body['rotationId']}/${body['versionId']}`;
    if (!known.has(id)) handled.push(`${body['versionId']}`);
    known.add(id);
    return { status: 200, body: { restarted: true } };
  };
  const configuration = (): WireAnswer => {
    const error = { ErrorCode: 'AccessDeniedException', Message: 'Lambda was unable to decrypt' };
    const body = {
      FunctionName: name,
      Environment: hidden ? { Error: error } : { Variables: variables },
      RevisionId: `${revision}`,
      LastUpdateStatus: lastUpdate,
    };
    if (changing) revision += 1;
    changing = false;
    return { status: 200, body };
  };
  const update = ({ body }: WireRequest): WireAnswer => {
    if (body['RevisionId'] !== `${revision}`) return refusal(412, 'PreconditionFailedException');
    variables = variablesIn(body['Environment']);
    updates += 1;
    revision += 1;
    lastUpdate = 'Successful';
    return { status: 200, body: { FunctionName: name } };
  };
  const act = (request: WireRequest): WireAnswer => {
    if (!request.path.includes(`/functions/${name}/`)) return refusal(404, 'ResourceNotFoundException');
    if (request.path.endsWith('/invocations')) return invoke(request);
    return request.method === 'GET' ? configuration() : update(request);
  };
  const answer = (request: WireRequest): WireAnswer => {
    requests.push(request);
    if (failing === true) throw new Error('the connection was reset');
    if (failing === 'for good') return refusal(403, 'AccessDeniedException');
    const [refused] = refusals.splice(0, 1);
    if (refused) return refused;
    const answered = act(request);
    if (failing !== 'afterwards' || request.method === 'GET') return answered;
    throw new Error('the connection was reset');
  };
  return {
    client: new LambdaClient(wiredTo(answer)),
    name,
    requests,
    handled,
    environment: () => variables,
    updates: () => updates,
    fail: (how) => {
      failing = how;
    },
    crash: () => {
      crashing = true;
    },
    hideEnvironment: () => {
      hidden = true;
    },
    failLastUpdate: () => {
      lastUpdate = 'Failed';
    },
    changeMeanwhile: () => {
      changing = true;
    },
    refuseNext: (status, error) => void refusals.push(refusal(status, error)),
  };
}

function variablesIn(environment: unknown): Readonly<Record<string, string>> {
  const found =
    typeof environment === 'object' && environment !== null && 'Variables' in environment
      ? environment.Variables
      : {};
  return Object.fromEntries(Object.entries(found ?? {}).map(([field, value]) => [field, `${value}`]));
}
