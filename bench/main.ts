/**
 * `npm run bench [-- --json]`: weighs the handlers, counts what a rotation and a million metered uses cost, times a
 * large registration.
 * Progress goes to stderr; stdout ends with a table, or with one JSON object.
 */
import { parseArgs } from 'node:util';
import { type Cloud, startCloud } from '../local/cloud.ts';
import { aStack, productionYaml } from '../test/constructs/a-stack.ts';
import { synthesizedMachine } from '../test/support/asl/synthesized.ts';
import { benchBundles } from './bundles.ts';
import { memoryIn } from './memory.ts';
import { benchMetering } from './metering.ts';
import { benchRegister } from './register.ts';
import { type Report, summary, table } from './report.ts';
import { healthyRotation, worstRotation } from './rotation.ts';
import { standingBill } from './standing.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Credentials to register. */
    credentials: { type: 'string', default: '10000' },
  },
});

const progress = (text: string): void => void process.stderr.write(`${text}\n`);

async function bench(cloud: Cloud): Promise<Report> {
  progress('bundling and loading the handlers');
  const bundles = await benchBundles(progress);
  progress('counting a rotation');
  const { template } = aStack(productionYaml);
  const stack = { machine: synthesizedMachine(template), memoryOf: memoryIn(template) };
  const rotation = {
    healthy: await healthyRotation(cloud, stack),
    worst: await worstRotation(cloud, stack),
  };
  const standing = await standingBill(cloud, template);
  progress('metering uses');
  const metering = await benchMetering(cloud, template);
  progress(`registering ${values.credentials} credentials`);
  const register = await benchRegister(cloud, Number(values.credentials));
  return { bundles, rotation, metering, standing, register };
}

const cloud = await startCloud();
const end = () => void cloud.stop();
process.once('SIGINT', end).once('SIGTERM', end);
try {
  const report = await bench(cloud);
  console.log(values.json ? JSON.stringify(summary(report)) : table(report));
} finally {
  await cloud.stop();
}
