/** Called by every deploy that changes keyturn.yaml: registers what it declares, then starts what is due. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SSMClient } from '@aws-sdk/client-ssm';
import { publishInstallation } from '../lib/aws/installation-parameter.ts';
import { readEnvironment } from '../lib/config/environment.ts';
import { parseKeyturnFile } from '../lib/config/keyturn-file.ts';
import { registerCredentials } from '../lib/rotation/register-credentials.ts';
import { sweepDue } from '../lib/rotation/sweep-due.ts';
import { withExecutions, withLedger, withRegistration } from './runtime/connect.ts';
import { logger } from './runtime/telemetry.ts';

const ports = { ...withLedger(), ...withRegistration(), ...withExecutions() };
const { stack, installationParameter } = readEnvironment(['stack', 'installationParameter']);

export const handler = async () => {
  // The bundle carries the file: a changed file is a changed function, which is what makes a deploy call it again.
  const text = await readFile(join(import.meta.dirname, 'keyturn.yaml'), 'utf8');
  const { installationId, ...counts } = await registerCredentials(ports, parseKeyturnFile(text, { stack }));
  await publishInstallation(new SSMClient(), installationParameter, installationId);
  const swept = await sweepDue(ports);
  logger.info('registration ends', { counts, swept });
  return counts;
};
