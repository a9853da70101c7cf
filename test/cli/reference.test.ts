import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../lib/cli/program.ts';
import { run, twinStack } from './twin-stack.ts';

const host = { out: () => {}, err: () => {}, colour: false };
const keyturn = program({ host, connect: async () => twinStack() });

/** Help as `keyturn help` prints it, as a page. */
async function reference(): Promise<string> {
  const help = async (...argv: readonly string[]) =>
    `\`\`\`text\n${(await run(twinStack(), [...argv, '--help'])).out}\n\`\`\``;
  const parts = keyturn.commands.map(async (command) => {
    return `## keyturn ${command.name()}\n\n${await help(command.name())}`;
  });
  const opening =
    '# The command line\n\nGenerated from the commands themselves: `npm run docs` writes it anew.';
  return `${[opening, await help(), ...(await Promise.all(parts))].join('\n\n')}\n`;
}

describe('docs/cli.md', () => {
  it('is what the commands say of themselves', async () => {
    await expect(await reference()).toMatchFileSnapshot('../../docs/cli.md');
  });
});

describe.each(keyturn.commands.map((command): [string, Command] => [command.name(), command]))(
  'keyturn %s',
  (name, command) => {
    it('explains itself with an example', async () => {
      const { code, out } = await run(twinStack(), [name, '--help']);
      expect(code).toBe(0);
      expect(out).toContain(command.description().split(' ')[0]);
      expect(out).toMatch(/Examples:\n {2}\S+/);
    });
  },
);
