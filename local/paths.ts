/** Where the local cloud finds its parts: everything it installs or keeps lives under `.local`, out of git. */
import { fileURLToPath } from 'node:url';

const inProject = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

export const projectDirectory = inProject('');
export const binDirectory = inProject('node_modules/.bin');
/** Node 24, whatever Node the caller runs on: the handlers' runtime, and able to run TypeScript as it is. */
export const node = inProject('node_modules/.bin/node');
export const cdk = inProject('node_modules/.bin/cdk');
export const verdaccio = inProject('node_modules/verdaccio/bin/verdaccio');
export const python = inProject('.local/venv/bin/python');
export const launcher = inProject('local/launcher.py');
export const endWithParent = inProject('local/end-with-parent.ts');

/** Logs outlive the run, so that a failure can be read afterwards. */
export function newLogFile(name: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return inProject(`.local/logs/${name}-${time}-${process.pid}.log`);
}
