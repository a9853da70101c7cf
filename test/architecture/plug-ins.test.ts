/** A plug-in is one file, one line in its registry, one fake, one contract test and one page; this names what is missing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issuers } from '../../lib/issuers/index.ts';

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
