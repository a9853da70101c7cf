/** Who may import whom is kept by lint rules; this sees that each rule bites and says where to go instead. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const biome = join(root, 'node_modules', '.bin', 'biome');

/** What Biome, with the project's rules, says of a file with this one import, if it stood there. */
function complaintsAbout(file: string, imported: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-layers-'));
  try {
    copyFileSync(join(root, 'biome.json'), join(directory, 'biome.json'));
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), `import * as x from '${imported}';\nexport const y = x;\n`);
    execFileSync(biome, ['lint', '--colors=off', '--vcs-enabled=false', file], {
      cwd: directory,
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `${stdout}${stderr}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const forbidden: readonly (readonly [file: string, imported: string, hint: RegExp])[] = [
  ['lib/usage/x.ts', '@aws-sdk/client-sqs', /adapter in lib\/aws/],
  ['lib/usage/x.ts', '../rotation/key.ts', /lowest layer/],
  ['lib/usage/x.ts', 'node:crypto', /come in as ports/],
  ['lib/rotation/x.ts', '@aws-sdk/client-sfn', /adapter in lib\/aws/],
  ['lib/rotation/x.ts', 'zod', /parse at the edge/],
  ['lib/rotation/x.ts', 'aws-cdk-lib', /lib\/constructs and bin/],
  ['lib/rotation/x.ts', 'node:fs', /come in as ports/],
  ['lib/rotation/x.ts', '../issuers/index.ts', /port in ports\.ts/],
  ['lib/workflow/x.ts', '../aws/system-clock.ts', /contracts over core types/],
  ['lib/issuers/x.ts', '../aws/system-clock.ts', /IssuerWorld/],
  ['lib/issuers/x.ts', 'aws-cdk-lib/aws-iam', /lib\/constructs and bin/],
  ['lib/issuers/x.ts', '../targets/webhook.ts', /IssuerWorld/],
  ['lib/targets/x.ts', '@aws-sdk/client-ssm', /carries no SDK/],
  ['lib/targets/x.ts', '../aws/system-clock.ts', /TargetWorld/],
  ['lib/targets/x.ts', '../issuers/durations.ts', /lib\/plug-ins/],
  ['lib/targets/x.ts', '../config/schema.ts', /TargetWorld/],
  ['lib/targets/x.ts', 'aws-cdk-lib/aws-ssm', /lib\/constructs and bin/],
  ['lib/plug-ins/x.ts', '@aws-sdk/client-ssm', /knows no SDK/],
  ['lib/plug-ins/x.ts', '../targets/index.ts', /neither of them/],
  ['lib/rotation/x.ts', '../plug-ins/need.ts', /port in ports\.ts/],
  ['lib/aws/x.ts', '../issuers/http.ts', /connect\.ts/],
  ['lib/aws/x.ts', '../targets/define-target.ts', /connect\.ts/],
  ['lib/config/x.ts', '../aws/system-clock.ts', /it calls nothing/],
  ['lib/constructs/x.ts', '../aws/system-clock.ts', /handlers by path/],
  ['lib/constructs/x.ts', '../../lambdas/begin.ts', /handlers by path/],
  ['lib/constructs/x.ts', '../issuers/http.ts', /issuers as data/],
  ['lib/constructs/x.ts', '../targets/webhook.ts', /targets as data/],
  ['lib/client/x.ts', '../usage/report.ts', /ships alone/],
  ['lib/cli/x.ts', '../issuers/http.ts', /by their registries/],
  ['lib/cli/x.ts', '../constructs/keyturn.ts', /core, config, workflow and aws/],
  ['lambdas/x.ts', './begin.ts', /do not call each other/],
  ['lambdas/x.ts', 'aws-cdk-lib', /lib\/constructs and bin/],
  ['lambdas/runtime/x.ts', '../../lib/constructs/keyturn.ts', /composition root/],
];

describe('the layers', () => {
  it.each(forbidden)('refuse in %s an import of %s', (file, imported, hint) => {
    const said = complaintsAbout(file, imported);
    expect(said).toContain('noRestrictedImports');
    expect(said).toMatch(hint);
  });

  it('allow what the layout allows', async () => {
    expect(await complaintsAbout('lib/rotation/x.ts', '../usage/drain.ts')).not.toContain(
      'noRestrictedImports',
    );
    expect(await complaintsAbout('lib/aws/x.ts', '../rotation/ports.ts')).not.toContain(
      'noRestrictedImports',
    );
    expect(await complaintsAbout('lib/constructs/x.ts', '../targets/index.ts')).not.toContain(
      'noRestrictedImports',
    );
    expect(await complaintsAbout('lib/targets/x.ts', '../plug-ins/need.ts')).not.toContain(
      'noRestrictedImports',
    );
    expect(await complaintsAbout('lambdas/x.ts', './runtime/handler.ts')).not.toContain(
      'noRestrictedImports',
    );
  });
});
