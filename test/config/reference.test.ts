/** The generated reference is fresh, and its schema accepts what keyturn accepts. `npm run docs` writes it anew. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configPage, jsonSchema } from './reference.ts';

const root = join(import.meta.dirname, '..', '..');
const schemaFile = join(root, 'docs', 'keyturn.schema.json');

/** As every other JSON file of the project is formatted. */
const formatted = (json: string): string =>
  execFileSync(
    join(root, 'node_modules', '.bin', 'biome'),
    ['format', '--stdin-file-path=docs/keyturn.schema.json'],
    { cwd: root, input: json, encoding: 'utf8' },
  );

const accepts = new Ajv({ strict: false, allErrors: true }).compile(jsonSchema());
const examples = globSync('examples/*/keyturn.yaml', { cwd: root });
const example = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'), { merge: true });

describe('the generated reference is fresh', () => {
  test('docs/keyturn.schema.json', async () => {
    await expect(formatted(JSON.stringify(jsonSchema()))).toMatchFileSnapshot(schemaFile);
  });

  test('docs/config.md', async () => {
    await expect(configPage()).toMatchFileSnapshot(join(root, 'docs', 'config.md'));
  });
});

describe('the JSON Schema', () => {
  test.each(examples)('accepts %s, which names it for editors', (path) => {
    expect(accepts(example(path)), JSON.stringify(accepts.errors)).toBe(true);
    expect(readFileSync(join(root, path), 'utf8')).toContain(
      '# yaml-language-server: $schema=../../docs/keyturn.schema.json\n',
    );
  });

  test.each([
    ['an unknown field', { colour: 'blue' }, 'additionalProperties'],
    ['a wrong duration', { policy: { rotateEvery: 'soon' } }, 'pattern'],
    [
      'a window off the quarter of an hour',
      { policy: { window: { from: '22:10', to: '23:00' } } },
      'pattern',
    ],
    ['a missing owner', { owner: undefined }, 'required'],
  ])('refuses %s', (_what, change, keyword) => {
    const right = { issuer: 'vendor', owner: { name: 'a' } };
    const file = { issuers: {}, credentials: { billing: { ...right, ...change } } };
    expect(accepts(JSON.parse(JSON.stringify(file)))).toBe(false);
    expect(accepts.errors?.map((error) => error.keyword)).toContain(keyword);
  });

  test('describes every field but those of blocks, which have pages of their own', () => {
    const rows = configPage().match(/^\| `.*$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) expect(row).toMatch(/ \| [A-Z`][^|]+\. \|$/);
  });
});
