/**
 * Parameter Store behind a real SSM client, as far as keyturn uses it.
 *
 * Spec:
 * - `GetParameter {Name, WithDecryption}` → the newest version; without decryption the value of a SecureString is
 *   ciphertext. Unknown → `ParameterNotFound`.
 *   https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 * - `PutParameter` makes a parameter with version 1; with `Overwrite` each call makes the next version, also of the
 *   same value, and without it a known name is `ParameterAlreadyExists`. Overwriting with another type is
 *   `HierarchyTypeMismatchException`. Standard values over 4 KB are a `ValidationException`, whose message quotes
 *   the value, as is an advanced parameter that is to become a standard one.
 *   https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
 * - 100 versions are kept; the oldest goes, but if it carries a label the put is
 *   `ParameterMaxVersionLimitExceeded`.
 *   https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html
 */
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Failing } from '../contract/target-contract.ts';
import { refusal, type WireAnswer, type WireRequest, wiredTo } from '../support/sdk-wire.ts';

interface Parameter {
  readonly type: string;
  readonly value: string;
  readonly version: number;
  /** @default alias/aws/ssm */
  readonly keyId?: string;
  readonly tier?: string;
  /** The version that carries a label. */
  readonly labelled?: number;
}

export interface ParameterStore {
  readonly client: SSMClient;
  readonly parameters: Map<string, Parameter>;
  /** Actions in order, by their names. */
  readonly calls: readonly string[];
  fail(failing: Failing): void;
  /** The next call is refused like this. */
  refuseNext(status: number, name: string): void;
}

export function parameterStore(): ParameterStore {
  const parameters = new Map<string, Parameter>();
  const calls: string[] = [];
  const refusals: WireAnswer[] = [];
  let failing: Failing = false;
  const answer = (request: WireRequest): WireAnswer => {
    const action = `${request.headers['x-amz-target']}`.replace('AmazonSSM.', '');
    calls.push(action);
    if (failing === true) throw new Error('the connection was reset');
    if (failing === 'for good') return refusal(400, 'AccessDeniedException');
    const [refused] = refusals.splice(0, 1);
    if (refused) return refused;
    const answered =
      action === 'PutParameter' ? put(parameters, request.body) : get(parameters, request.body);
    if (failing !== 'afterwards' || action !== 'PutParameter') return answered;
    throw new Error(`the connection was reset after ${request.body['Value']}`);
  };
  return {
    client: new SSMClient(wiredTo(answer)),
    parameters,
    calls,
    fail: (how) => {
      failing = how;
    },
    refuseNext: (status, name) => void refusals.push(refusal(status, name)),
  };
}

function get(parameters: ReadonlyMap<string, Parameter>, body: WireRequest['body']): WireAnswer {
  const found = parameters.get(`${body['Name']}`);
  if (!found) return refusal(400, 'ParameterNotFound');
  const { type: Type, value, version: Version } = found;
  const isHidden = Type === 'SecureString' && body['WithDecryption'] !== true;
  return {
    status: 200,
    body: { Parameter: { Name: body['Name'], Type, Version, Value: isHidden ? 'AQICAHg…' : value } },
  };
}

function put(parameters: Map<string, Parameter>, body: WireRequest['body']): WireAnswer {
  const text = (field: string): string => `${body[field]}`;
  const [name, type, value, tier] = [text('Name'), text('Type'), text('Value'), text('Tier')] as const;
  const known = parameters.get(name);
  if (known && body['Overwrite'] !== true) return refusal(400, 'ParameterAlreadyExists');
  if (known && known.type !== type) return refusal(400, 'HierarchyTypeMismatchException');
  if (Buffer.byteLength(value) > 4096 || (known?.tier === 'Advanced' && tier === 'Standard')) {
    return refusal(400, 'ValidationException', `1 validation error detected: Value '${value}' at 'value'`);
  }
  const version = (known?.version ?? 0) + 1;
  if (known?.labelled !== undefined && version - known.labelled >= 100) {
    return refusal(400, 'ParameterMaxVersionLimitExceeded');
  }
  const keyId = body['KeyId'] === undefined ? {} : { keyId: `${body['KeyId']}` };
  parameters.set(name, { ...known, type, value, version, tier, ...keyId });
  return { status: 200, body: { Version: version, Tier: tier } };
}
