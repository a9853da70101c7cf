/** The documentation agrees with the code. `npm run docs` writes what is generated anew. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { parseKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { aStack } from '../constructs/a-stack.ts';
import { errorsPage } from '../docs/errors-page.ts';
import { fencesIn, linksIn, slugsIn } from '../docs/markdown.ts';
import { workflowPage } from '../docs/workflow-page.ts';
import { synthesizedMachine } from '../support/asl/synthesized.ts';

const root = join(import.meta.dirname, '..', '..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort();
const { template } = aStack();

describe('what is generated is fresh', () => {
  it('docs/workflow.md', async () => {
    const page = workflowPage(synthesizedMachine(template));
    await expect(page).toMatchFileSnapshot(join(root, 'docs', 'workflow.md'));
  });

  it('docs/errors.md', async () => {
    await expect(errorsPage()).toMatchFileSnapshot(join(root, 'docs', 'errors.md'));
  });
});

describe.each(pages)('%s', (page) => {
  it('links to nothing that is not there', () => {
    const broken = linksIn(text(page)).filter((link) => {
      const [path = '', slug] = link.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return true;
      return slug !== undefined && file.endsWith('.md') && !slugsIn(text(file)).includes(slug);
    });
    expect(broken).toEqual([]);
  });

  it('shows no command or option that the CLI does not have', () => {
    expect(commandsIn(text(page)).flatMap(whatIsWrong)).toEqual([]);
  });

  it('shows no whole keyturn.yaml that would be refused', () => {
    const whole = fencesIn(text(page), 'yaml').filter(
      (yaml) => /^issuers:/m.test(yaml) && /^credentials:/m.test(yaml) && !yaml.includes('…'),
    );
    for (const yaml of whole) {
      expect(() => parseKeyturnFile(yaml, { stack: 'keyturn' })).not.toThrow();
    }
  });
});

it('the map names every page', () => {
  const named = linksIn(text('docs/README.md')).map((link) => join('docs', link.replace(/#.*/, '')));
  const kept = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  // Each folder of decisions has a list of its own.
  const missing = kept.filter((page) => !named.includes(page) && !/^docs\/adr\/0/.test(page));
  expect(missing).toEqual([]);
});

it('the guide to uninstalling names every kind of resource that outlives the stack', () => {
  const resources: Record<string, { Type: string; DeletionPolicy?: string }> = template.toJSON()['Resources'];
  const kept = Object.values(resources).flatMap(({ Type, DeletionPolicy }) =>
    DeletionPolicy?.startsWith('Retain') ? [Type] : [],
  );
  const guide = text('docs/guides/uninstall.md');
  expect(kept.length).toBeGreaterThan(0);
  expect([...new Set(kept)].filter((type) => !guide.includes(`\`${type}\``))).toEqual([]);
});

const host = { out: () => {}, err: () => {}, colour: false, width: 100 };
const connect = () => Promise.reject(new Error('this CLI only tells what commands it has'));
const cli = program({ host, connect });

/** `keyturn …` as it stands in code, up to what ends a command in a shell or a sentence. */
function commandsIn(page: string): readonly string[] {
  const code = [
    ...fencesIn(page, 'sh'),
    ...[...page.matchAll(/`([^`\n]+)`/g)].map(([, inline = '']) => inline),
  ];
  return code.flatMap((each) =>
    [...each.matchAll(/(?:^|[\s(|])keyturn ([a-z][^\n#|>;"&)]*)/gm)].map(([, command = '']) =>
      command.trim(),
    ),
  );
}

function whatIsWrong(command: string): readonly string[] {
  const [name = '', ...rest] = command.split(/\s+/);
  const found = cli.commands.find((each) => each.name() === name);
  if (!found) return [`keyturn ${command}: there is no command ${name}`];
  const known = ['--help', ...found.options.map(({ long }) => long)];
  const flags = rest.filter((word) => word.startsWith('--'));
  return flags.filter((flag) => !known.includes(flag)).map((flag) => `keyturn ${name} has no ${flag}`);
}
