/**
 * `npm start`: a local cloud, keyturn deployed to it, a real npm registry, and its token rotated while three consumers
 * use it. The report goes to stdout, everything else to stderr.
 */
import { appendFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { cleanUp, Interrupted, interruption } from './clean-up.ts';
import { type DemoOptions, demoHelp, readDemoOptions } from './demo-options.ts';
import { keepUp } from './keep-up.ts';
import { newLogFile } from './paths.ts';
import { rotateWhileInUse } from './planned-rotation.ts';
import { type DemoReport, isGood, reportLines } from './report.ts';
import { viewOn } from './view.ts';
import { buildWorld, type Run } from './world.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = readDemoOptions(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${demoHelp}\n`);
    return 2;
  }
  if (!options.help) return demo(options);
  process.stdout.write(`${demoHelp}\n`);
  return 0;
}

async function demo(options: DemoOptions): Promise<number> {
  const clean = cleanUp();
  const signal = interruption(clean.force);
  const run: Run = { view: viewOn(process.stderr), logFile: newLogFile('demo'), clean, signal };
  try {
    const world = await buildWorld(run);
    const { report, restart } = await rotateWhileInUse(run, world);
    run.view.foot([]);
    print(report, options);
    if (options.keep) await keepUp(run, world, restart);
    return isGood(report) ? 0 : 1;
  } catch (error) {
    return failed(run, error);
  } finally {
    await run.view.during('stop everything', clean.run);
  }
}

function print(report: DemoReport, { json }: DemoOptions): void {
  const lines = json ? [JSON.stringify(report)] : ['', ...reportLines(report), ''];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function failed({ view, logFile }: Run, error: unknown): number {
  const interrupted = error instanceof Interrupted;
  if (!interrupted) appendFileSync(logFile, `\n${inspect(error)}\n`);
  view.foot([]);
  view.say(error instanceof Error ? error.message : String(error));
  view.say(`the log is ${logFile}; the deployment and the registry write beside it`);
  return interrupted ? error.exitCode : 1;
}
