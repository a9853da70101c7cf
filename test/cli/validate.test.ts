import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run, twinStack } from './twin-stack.ts';

const directory = mkdtempSync(join(tmpdir(), 'keyturn-validate-'));
afterAll(() => rmSync(directory, { recursive: true }));

const example = 'examples/verdaccio/keyturn.yaml';

/** The example with some of its text replaced, as a file. */
function aFile(name: string, from: string | RegExp, to: string): string {
  const path = join(directory, name);
  writeFileSync(path, readFileSync(example, 'utf8').replace(from, to));
  return path;
}

/** A stack that nobody may connect to. */
const offline = async () => {
  throw new Error('validate needs no AWS');
};

const validate = (...argv: readonly string[]) => run(twinStack(), ['validate', ...argv], offline);

describe('keyturn validate', () => {
  it('is content with a right file, and counts its credentials', async () => {
    expect(await validate(example)).toEqual({ code: 0, out: `${example} is right: 1 credential`, err: '' });
  });

  it('names every mistake with its place', async () => {
    const file = aFile('wrong.yaml', /issuer: \S+\n/, 'isuer: nobody\n');
    const { code, out, err } = await validate(file);
    expect(code).toBe(1);
    expect(out.split('\n')).toHaveLength(2);
    expect(out).toMatch(
      /wrong\.yaml:\d+:\d+ credentials\.\S+\.isuer is not known here, did you mean "issuer"\?/,
    );
    expect(err).toBe(`keyturn: ${file} has 2 mistakes`);
  });

  it('names what is not YAML at all', async () => {
    const file = join(directory, 'broken.yaml');
    writeFileSync(file, 'issuers: {\n');
    const { code, out } = await validate(file);
    expect(code).toBe(1);
    expect(out).toContain('broken.yaml:');
  });

  it('warns of what is allowed and probably not meant', async () => {
    const file = aFile('lonely.yaml', /consumers:(\n {6}.*)+/, 'consumers: []');
    const { code, out } = await validate(file);
    expect(code).toBe(0);
    expect(out).toMatch(
      /lonely\.yaml:\d+:\d+ .*has no "consumers".*both keys stay alive: declare who uses it \(warning\)\n.* is right: 1 credential$/,
    );
  });

  it('prints one JSON object for programs', async () => {
    const wrong = aFile('json.yaml', /issuer: \S+\n/, 'isuer: nobody\n');
    const { code, out } = await validate(wrong, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      mistakes: [expect.stringContaining('issuer is missing'), expect.stringContaining('isuer')],
      warnings: [],
      credentials: 0,
    });
    expect(JSON.parse((await validate(example, '--json')).out)).toEqual({
      ok: true,
      mistakes: [],
      warnings: [],
      credentials: 1,
    });
  });

  it.each([
    ['nothing', ''],
    ['comments', '# keys of the billing team\n---\n\n'],
  ])('says what a file of %s needs', async (name, text) => {
    const file = join(directory, `${name}.yaml`);
    writeFileSync(file, text);
    const { code, out, err } = await validate(file);
    expect({ code, err }).toEqual({ code: 1, err: `keyturn: ${file} has 1 mistake` });
    expect(out).toMatch(/:1:1 the file is empty: it needs "issuers" and "credentials", see docs\/config\.md/);
  });

  it('names the file that may be meant by a directory', async () => {
    expect(await validate(directory, '--json')).toMatchObject({
      code: 2,
      out: expect.stringMatching(/^\{"error":/),
      err: expect.stringContaining(`name the file in it, such as ${join(directory, 'keyturn.yaml')}`),
    });
  });

  it('ends with 2 when there is no such file', async () => {
    expect(await validate(join(directory, 'none.yaml'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no file'),
    });
  });
});
