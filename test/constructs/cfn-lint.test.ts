/** What cfn-lint says of the template, as AWS would refuse or regret it: nothing. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { testTool } from '../support/test-tools.ts';
import { aStack, keyturnYaml, productionYaml } from './a-stack.ts';

/** Rules that are ignored, each with its reason. */
const ignored = [
  // CDK writes a DependsOn beside a reference to the same resource.
  'W3005',
];

const directory = mkdtempSync(join(tmpdir(), 'keyturn-cfn-lint-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One line for each complaint. */
async function complaints(template: unknown): Promise<readonly string[]> {
  const path = join(directory, 'template.json');
  writeFileSync(path, JSON.stringify(template));
  const options = ['--non-zero-exit-code', 'none', '--format', 'parseable', '--ignore-checks', ...ignored];
  const { stdout } = await promisify(execFile)(await testTool('cfn-lint'), [...options, '--', path]);
  return stdout.split('\n').filter((line) => line !== '');
}

const patient = 300_000;

it.each([
  ['demo', keyturnYaml],
  ['production', productionYaml],
])('the template is clean in mode %s', { timeout: patient }, async (_mode, yaml) => {
  expect(await complaints(aStack(yaml).template.toJSON())).toEqual([]);
});

it('a property that AWS does not know is complained about', { timeout: patient }, async () => {
  const planted = { Type: 'AWS::SQS::Queue', Properties: { QueueNmae: 'planted' } };
  const said = await complaints({ Resources: { Planted: planted } });
  expect(said).toEqual([expect.stringContaining("'QueueNmae' was unexpected")]);
});
