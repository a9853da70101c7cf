/** A plug-in is one file, one line in its registry, one fake, one contract test and one page; this names what is missing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { permissionVerbs } from '../../lib/issuers/define-issuer.ts';
import { issuerPermissions, issuers } from '../../lib/issuers/index.ts';
import { targets } from '../../lib/targets/index.ts';

const root = join(import.meta.dirname, '..', '..');
const text = (path: string): string =>
  existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';

describe.each([...issuers.keys()])('issuer %s', (type) => {
  it.each([
    ['its own file', `lib/issuers/${type}.ts`, 'defineIssuer'],
    ['a fake with a written spec', `test/fakes/${type}-issuer.ts`, '/**'],
    ['a test that runs the contract kit', `test/issuers/${type}.test.ts`, 'issuerContract('],
    ['a page for its users', `docs/issuers/${type}.md`, '#'],
  ])('has %s', (_what, path, mark) => {
    expect(text(path), `${path} is missing or has no ${mark}`).toContain(mark);
  });
});

/** Blocks of the examples by their types. */
const exampleBlocks = Map.groupBy(
  readdirSync(join(root, 'examples')).flatMap((name) => {
    const { issuers: blocks = {} }: { issuers?: Record<string, { type: string }> } =
      parse(text(`examples/${name}/keyturn.yaml`)) ?? {};
    return Object.values(blocks);
  }),
  ({ type }) => type,
);

describe.each([...issuers.keys()])('issuer %s', (type) => {
  const [block] = exampleBlocks.get(type) ?? [];

  it('stands in an example', () => {
    expect(block).toBeDefined();
  });

  it.each(permissionVerbs)('says what %s needs, on its page too', (verb) => {
    expect(issuerPermissions(block)).toHaveProperty(verb, expect.any(Array));
    const says = new RegExp(`^\\|.*\\b${verb}\\b`, 'm').test(text(`docs/issuers/${type}.md`));
    expect(says, `no table of docs/issuers/${type}.md says what ${verb} needs`).toBe(true);
  });

  it('needs nothing for any other verb', () => {
    expect(Object.keys(issuerPermissions(block)).toSorted()).toEqual(permissionVerbs.toSorted());
  });
});

describe.each([...targets.keys()])('target %s', (type) => {
  it.each([
    ['its own file', `lib/targets/${type}.ts`, 'defineTarget'],
    ['a fake with a written spec', `test/fakes/${type}-target.ts`, '/**'],
    ['a test that runs the contract kit', `test/targets/${type}.test.ts`, 'targetContract('],
    ['a page for its users', `docs/targets/${type}.md`, '#'],
  ])('has %s', (_what, path, mark) => {
    expect(text(path), `${path} is missing or has no ${mark}`).toContain(mark);
  });
});

/** Own files of both kinds, without what every plug-in of the kind shares. */
const defining = (kind: 'issuers' | 'targets', mark: string): string[] =>
  readdirSync(join(root, 'lib', kind))
    .filter((name) => !name.startsWith('define-') && text(`lib/${kind}/${name}`).includes(`${mark}(`))
    .map((name) => name.replace('.ts', ''));

it.each([
  ['issuers', 'defineIssuer', issuers],
  ['targets', 'defineTarget', targets],
] as const)('the registry of %s knows every file that defines one', (kind, mark, registry) => {
  expect(new Set(registry.keys())).toEqual(new Set(defining(kind, mark)));
});
