/** A second opinion on AWS beside the local cloud: moto's server, for what that one does not model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '../../local/cloud.ts';
import { newLogFile } from '../../local/paths.ts';
import { answers, onFreePort, startProcess, waitUntilReady } from '../../local/processes.ts';
import { testTool } from './test-tools.ts';

export interface Moto {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** @param freeActions this many calls pass unchecked, to make the first users; then keys and policies are enforced. */
export async function startMoto(freeActions: number): Promise<Moto> {
  const command = await testTool('moto_server');
  const directory = await mkdtemp(join(tmpdir(), 'keyturn-moto-'));
  return onFreePort(async (port) => {
    const server = await startProcess({
      name: 'moto',
      command,
      args: ['-H', '127.0.0.1', '-p', `${port}`],
      env: { ...childEnvironment(directory), INITIAL_NO_AUTH_ACTION_COUNT: `${freeActions}` },
      logFile: newLogFile('moto'),
    });
    const endpoint = `http://127.0.0.1:${port}`;
    await waitUntilReady(server, () => answers(`${endpoint}/moto-api/data.json`));
    const stop = async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    };
    return { endpoint, stop };
  });
}
