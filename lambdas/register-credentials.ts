/** Called by every deploy that changes keyturn.yaml: registers what it declares, then starts what is due. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { publishInstallation } from '../lib/aws/installation-parameter.ts';
import { readEnvironment } from '../lib/config/environment.ts';
import { type Registration, registerCredentials } from '../lib/rotation/register-credentials.ts';
import { sweepDue } from '../lib/rotation/sweep-due.ts';
import { registrationFile } from '../lib/workflow/registration-file.ts';
import { withExecutions, withLedger, withRegistration } from './runtime/connect.ts';
import { enter } from './runtime/invocation.ts';
import { logger } from './runtime/telemetry.ts';

const ports = { ...withLedger(), ...withRegistration(), ...withExecutions() };
const { installationParameter } = readEnvironment('installationParameter');

/** The bundle carries it: a changed keyturn.yaml is a changed function, which is what makes a deploy call it again. */
const declared = async (): Promise<Registration> =>
  JSON.parse(await readFile(join(import.meta.dirname, registrationFile), 'utf8'));

export const handler = async (_event: unknown, context: Context) => {
  enter(context);
  const { installationId, roleTroubles, ...counts } = await registerCredentials(ports, await declared());
  await publishInstallation(new SSMClient(), installationParameter, installationId);
  logger.info('registration ends', { counts });
  // Reports of consumers without a known role count as use only: some old key may wait for that.
  if (roleTroubles.length > 0) logger.warn('roles without an answer', { roles: roleTroubles });
  await sweep();
  return counts;
};

/** A rotation that cannot be started is no reason to take the deploy back: the schedule's sweep finds it in a minute. */
async function sweep(): Promise<void> {
  try {
    logger.info('sweep ends', { counts: await sweepDue(ports) });
  } catch (error) {
    logger.warn('sweep fails', error instanceof Error ? error : new Error(String(error)));
  }
}
