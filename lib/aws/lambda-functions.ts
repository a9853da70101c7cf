/** Lambda functions of the team: called with ids, or restarted by a change of their environment. */
import {
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { TargetRejected, TargetUnavailable } from '../rotation/errors.ts';
import { callFailure } from './call-failure.ts';

const advice = {
  AccessDeniedException:
    "the role may not: see its policy, and the function's own policy when it is in another account",
  ResourceNotFoundException:
    'there is no such function, version or alias: correct the target in keyturn.yaml',
};

const errors = { Rejected: TargetRejected, Unavailable: TargetUnavailable };

/** Every call @throws TargetRejected when AWS refuses it for good, TargetUnavailable when nobody knows. */
export function lambdaFunctions(client: LambdaClient) {
  return {
    /**
     * Runs the function with this JSON and waits for its end. The SDK may call twice, as Lambda itself may.
     * @throws TargetUnavailable also when the function has failed; what it said is not quoted.
     */
    async invoke(name: string, payload: string, milliseconds: number): Promise<void> {
      const where = `lambda:InvokeFunction of ${name}`;
      if (milliseconds === 0) throw new TargetUnavailable(`${where} was not tried: no time left`);
      const request = new InvokeCommand({
        FunctionName: name,
        InvocationType: 'RequestResponse',
        Payload: Buffer.from(payload),
      });
      const answer = await answered(where, () =>
        client.send(request, { abortSignal: AbortSignal.timeout(milliseconds) }),
      );
      if (answer.FunctionError === undefined) return;
      throw new TargetUnavailable(`function ${name} failed with ${errorType(answer.Payload)}: see its log`);
    },
    /** Whether the function is there and may be called, without calling it. */
    async mayInvoke(name: string): Promise<void> {
      const request = new InvokeCommand({ FunctionName: name, InvocationType: 'DryRun' });
      await answered(`lambda:InvokeFunction of ${name}`, () => client.send(request));
    },
    /**
     * Sets one variable unless it has this value already; Lambda then starts the function anew for all calls to come.
     * The environment is replaced as a whole, so the update names the revision that the other variables are from.
     */
    async setVariable(name: string, variable: string, value: string): Promise<void> {
      const { Environment = {}, RevisionId, LastUpdateStatus } = await configuration(client, name);
      // Written now, the variables that could not be decrypted would be gone.
      if (Environment.Error) throw unreadable(name);
      if (Environment.Variables?.[variable] === value && LastUpdateStatus !== 'Failed') return;
      const request = new UpdateFunctionConfigurationCommand({
        FunctionName: name,
        RevisionId,
        Environment: { Variables: { ...Environment.Variables, [variable]: value } },
      });
      await answered(`lambda:UpdateFunctionConfiguration of ${name}`, () => client.send(request));
    },
    /** Whether the function is there and its configuration may be read. */
    async look(name: string): Promise<void> {
      await configuration(client, name);
    },
  };
}

function configuration(client: LambdaClient, name: string): Promise<FunctionConfiguration> {
  const request = new GetFunctionConfigurationCommand({ FunctionName: name });
  return answered(`lambda:GetFunctionConfiguration of ${name}`, () => client.send(request));
}

async function answered<Answer>(where: string, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw callFailure({ errors, where, advice }, error);
  }
}

const unreadable = (name: string): TargetRejected =>
  new TargetRejected(
    `the environment of function ${name} cannot be decrypted, so nothing was changed: use action: invoke, or let Deploy key's role use the function's KMS key`,
  );

/** The name of the function's error, if it looks like one; its message may say anything. */
function errorType(payload: Uint8Array = new Uint8Array()): string {
  const [, type = 'an error'] =
    /"errorType":\s*"([A-Za-z0-9_.:]{1,128})"/.exec(Buffer.from(payload).toString()) ?? [];
  return type;
}
