/**
 * What `npm start` and the checks run first: it says what the machine lacks, installs what the project needs,
 * and hands over to the demo. Plain JavaScript on purpose: it runs on any Node, before anything is installed.
 * It writes nothing to stdout, which belongs to the demo (`npm start -- --json`).
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const venv = inProject('.local/venv');
const stampFile = inProject('.local/venv/keyturn-installed');

function main(args) {
  const missing = missingPrerequisites();
  if (missing.length > 0) return end(2, missing.join('\n'));
  installNodeModules();
  installPython();
  if (args[0] !== '--install') runDemo(args);
}

/** One sentence for each thing to install. */
function missingPrerequisites() {
  return [missingNode(process.version), missingPython()].filter((sentence) => sentence !== undefined);
}

function missingNode(version) {
  const major = Number(version.replace(/^v/, '').split('.')[0]);
  if (major >= 20) return undefined;
  return `keyturn needs Node 20 or newer, and this is ${version}: install a newer Node, then run npm start again.`;
}

function missingPython() {
  const found = pythonVersion();
  const [major, minor] = found.split('.').map(Number);
  const recent = major > 3 || (major === 3 && minor >= 10);
  if (recent && succeeds('python3', ['-c', 'import venv, ensurepip'])) return undefined;
  const seen = found === '' ? 'there is no python3 on the PATH' : `python3 here is ${found}`;
  const reason = recent ? `python3 here (${found}) lacks it` : seen;
  return `keyturn's local cloud needs Python 3.10 or newer with the venv module, and ${reason}: install python3 and python3-venv, then run npm start again.`;
}

/** Such as `3.11.7`, or nothing when python3 is missing or does not run. */
function pythonVersion() {
  const script = 'import platform; print(platform.python_version())';
  const { status, stdout } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function installNodeModules() {
  if (nodeModulesMatchLock()) return;
  say("installing keyturn's packages (npm install)");
  // npm names itself to the scripts it runs; without it, whichever npm is on the PATH
  const npm = process.env.npm_execpath;
  const [command, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  // not `npm ci`: it refuses a lock without the binaries for machines other than the one that wrote the lock
  run(command, [...first, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
}

/**
 * npm writes `node_modules/.package-lock.json` last, so an install that was cut short has none. What it lists is
 * compared instead of dates: after `npm install <package>` nothing needs to be installed again.
 */
function nodeModulesMatchLock() {
  const installedFile = inProject('node_modules/.package-lock.json');
  if (!existsSync(installedFile) || !existsSync(inProject('node_modules/.bin/node'))) return false;
  const installed = packages(installedFile);
  return Object.entries(packages(inProject('package-lock.json'))).every(([path, wanted]) => {
    const found = installed[path];
    if (path === '') return true;
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function packages(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/** The stamp is written last: an install that was cut short is made again from the start. */
function installPython() {
  const requirements = inProject('local/requirements.txt');
  const stamp = `${sha256(readFileSync(requirements))} ${pythonVersion()}\n`;
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('installing the local cloud (a Python environment in .local/venv)');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(inProject('.local'), { recursive: true });
  run('python3', ['-m', 'venv', venv]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  run(`${venv}/bin/python`, [...pip, '--require-hashes', '--no-deps', '-r', requirements]);
  writeFileSync(stampFile, stamp);
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: inProject(''), stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  const reason = error ? error.message : `it ended with ${status}`;
  end(
    1,
    `keyturn could not be installed: ${[command, ...args].join(' ')} failed (${reason}); its output is above.`,
  );
}

/** Waits for the demo to clean up after itself, whatever ends it. */
function runDemo(args) {
  const demo = spawn(inProject('node_modules/.bin/node'), [inProject('local/demo.ts'), ...args], {
    stdio: 'inherit',
  });
  process.on('SIGTERM', () => demo.kill('SIGTERM'));
  process.on('SIGHUP', () => demo.kill('SIGHUP'));
  process.on('SIGINT', () => {
    // Ctrl-C in a terminal has reached the demo already: both are in the terminal's process group
    if (!process.stdin.isTTY) demo.kill('SIGINT');
  });
  demo.on('error', (error) => end(1, `the demo cannot start: ${error.message}`));
  demo.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}

function end(code, sentence) {
  say(sentence);
  process.exit(code);
}

main(process.argv.slice(2));
