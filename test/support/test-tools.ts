/** Programs that only tests need: in a Python environment of their own, so that `npm start` need not install them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const inProject = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * The path of a program of `test/requirements.txt`. The first call on a machine installs all of them, which takes a
 * minute or two: ask for it in a `beforeAll` with a timeout of its own.
 */
export async function testTool(name: 'moto_server' | 'cfn-lint'): Promise<string> {
  await promisify(execFile)('python3', [inProject('test/support/test_tools.py')]);
  return inProject(`.local/test-venv/bin/${name}`);
}
