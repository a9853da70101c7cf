/** Follows a rotation from outside, through the ledger, as the CLI does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import type { LedgerView } from '../../lib/rotation/ports.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { type Deployed, secretNameOf } from './deployed.ts';

/** Asks again and again, each `every` milliseconds. @throws when nothing was found in time. */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined>,
  every = 250,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const found = await ask();
    if (found !== undefined) return found;
    await sleep(every);
  }
  throw new Error(`${what}: not seen within ${seconds} s`);
}

/** The first key has been issued, so that consumers have something to read. */
export const firstKey = (on: Deployed, credential: string): Promise<LedgerView> =>
  until(`first key of ${credential}`, 90, async () => {
    const view = await on.stack.ledger.load(credential);
    return view?.credential.status === 'active' ? view : undefined;
  });

/** Asks on the bus for a rotation. @returns its id. */
export async function askForRotation(on: Deployed, credential: string): Promise<string> {
  const requestId = await on.stack.ask({ credential, reason: 'a cloud test' });
  const { answer } = await until(`answer to ${requestId}`, 60, async () => {
    const found = await on.stack.requests.find(requestId);
    return found?.answer ? { answer: found.answer } : undefined;
  });
  if (answer.outcome === 'rejected') throw new Error(`rejected: ${answer.reason}`);
  return answer.rotationId;
}

export type Seen = LedgerView & { readonly rotation: Rotation };

/** The rotation as soon as it looks as wanted, and the rows around it, read after that. */
export async function rotationThat(
  on: Deployed,
  credential: string,
  rotationId: string,
  looks: (rotation: Rotation) => boolean,
  seconds = 150,
  every = 250,
): Promise<Seen> {
  const look = async (): Promise<Seen | undefined> => {
    const view = await on.stack.ledger.load(credential, rotationId);
    return view?.rotation && looks(view.rotation) ? { ...view, rotation: view.rotation } : undefined;
  };
  const what = `rotation ${rotationId} of ${credential} as wanted`;
  const { rotation } = await until(what, seconds, look, every);
  // A load is no snapshot: the first row may be from before the change that the second one shows.
  const around = await until(what, seconds, () => on.stack.ledger.load(credential));
  return { ...around, rotation };
}

export const hasEnded = ({ phase }: Rotation): boolean =>
  phase === 'completed' || phase === 'abandoned' || phase === 'blocked';

const secretValue = z.object({ apiKey: z.string(), keyId: z.string(), generation: z.number().optional() });

/** The key that consumers read now. */
export async function currentValue(on: Deployed, credential: string): Promise<z.output<typeof secretValue>> {
  const client = new SecretsManagerClient(on.aws);
  const SecretId = secretNameOf(credential);
  const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId }));
  return secretValue.parse(JSON.parse(SecretString));
}
