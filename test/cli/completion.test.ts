import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { run, twinStack } from './twin-stack.ts';

const script = async (shell: string): Promise<string> => (await run(twinStack(), ['completion', shell])).out;

/** What bash would offer after these words. */
function offers(completion: string, ...words: readonly string[]): readonly string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const ask = `set -u\n${completion}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _keyturn; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split('\n');
}

describe('keyturn completion', () => {
  it('offers commands first, then the options of the one that was typed', async () => {
    const bash = await script('bash');
    expect(offers(bash, 'keyturn', '')).toEqual(expect.arrayContaining(['status', 'rotate', 'doctor']));
    expect(offers(bash, 'keyturn', 're')).toEqual(['resume']);
    expect(offers(bash, 'keyturn', 'rotate', '--')).toEqual(
      expect.arrayContaining(['--reason', '--wait', '--dry-run', '--stack', '--json']),
    );
    expect(offers(bash, 'keyturn', 'rotate', '--r')).toEqual(['--reason']);
    expect(offers(bash, 'keyturn', '--v')).toEqual(['--version']);
  });

  it('offers the shells and the choices that it knows, and nothing after a command that it does not', async () => {
    const bash = await script('bash');
    expect(offers(bash, 'keyturn', 'completion', '')).toEqual(['bash', 'zsh', 'fish', '--help']);
    expect(offers(bash, 'keyturn', 'turn', '')).toEqual(['']);
    expect(offers(bash, 'keyturn', 'decide', 'npm-token', 'r')).toEqual(['revoke', 'roll-back']);
  });

  it.each([
    ['zsh', 'completion) compadd -- bash zsh fish --help'],
    ['fish', "complete -c keyturn -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'"],
    ['zsh', 'rotate) compadd -- --help --reason --wait'],
    ['fish', "complete -c keyturn -n '__fish_seen_subcommand_from rotate' -l reason"],
  ])('knows the same for %s', async (shell, line) => {
    expect(await script(shell)).toContain(line);
  });

  it('knows no other shell', async () => {
    expect(await run(twinStack(), ['completion', 'tcsh'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Allowed choices are bash, zsh, fish'),
    });
  });
});
