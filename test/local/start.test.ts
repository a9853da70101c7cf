/** On a machine that lacks something, `npm start` says in one sentence what to install. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const start = fileURLToPath(new URL('../../local/start.mjs', import.meta.url));

describe('npm start on a machine that lacks something', () => {
  let path: string;

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'keyturn-path-'));
    symlinkSync(process.execPath, join(path, 'node'));
  });

  afterEach(() => rmSync(path, { recursive: true, force: true }));

  it('names Python when there is none', () => {
    expect(run()).toEqual({
      status: 2,
      stdout: '',
      stderr:
        "keyturn's local cloud needs Python 3.10 or newer with the venv module, and there is no python3 on the PATH: " +
        'install python3 and python3-venv, then run npm start again.\n',
    });
  });

  it('names the version of a Python that is too old', () => {
    pythonThat('echo 3.9.18');
    expect(run()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('and python3 here is 3.9.18:'),
    });
  });

  it('counts versions by their numbers: 3.9 is older than 3.10', () => {
    pythonThat('case "$2" in *platform*) echo 3.10.1;; *) exit 1;; esac');
    expect(run()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('python3 here (3.10.1) lacks it'),
    });
  });

  it('names the venv module when Python comes without it', () => {
    pythonThat('case "$2" in *platform*) echo 3.12.3;; *) exit 1;; esac');
    expect(run()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('python3 here (3.12.3) lacks it: install python3 and python3-venv'),
    });
  });

  it('takes a python3 that does not run for none', () => {
    pythonThat('exit 127');
    expect(run()).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there is no python3 on the PATH'),
    });
  });

  it('names the version of a Node that is too old, and all that is missing at once', () => {
    const { status, stderr } = run(['--import', preloadedVersion('v18.19.1')]);
    expect(status).toBe(2);
    const [node, python] = stderr.split('\n');
    expect(node).toBe(
      'keyturn needs Node 20 or newer, and this is v18.19.1: install a newer Node, then run npm start again.',
    );
    expect(python).toContain('there is no python3 on the PATH');
  });

  function pythonThat(script: string): void {
    const file = join(path, 'python3');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  function run(nodeArguments: readonly string[] = []) {
    const child = spawnSync(process.execPath, [...nodeArguments, start, '--install'], {
      env: { PATH: path },
      encoding: 'utf8',
    });
    return { status: child.status, stdout: child.stdout, stderr: child.stderr };
  }
});

/** Makes a newer Node tell the version of an older one. */
const preloadedVersion = (version: string): string =>
  `data:text/javascript,Object.defineProperty(process,'version',{value:'${version}'})`;
