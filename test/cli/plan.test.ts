import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Failure } from '../../lib/cli/failure.ts';
import { readKeyturnFile } from '../../lib/config/keyturn-file.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aCredential, aDeclaration, aKey, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const example = 'examples/verdaccio/keyturn.yaml';
const { config } = readKeyturnFile(readFileSync(example, 'utf8'), { stack: 'keyturn' });
const day = 86_400;

const directory = mkdtempSync(join(tmpdir(), 'keyturn-plan-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The example with some of its text replaced, as a file. */
function aFile(name: string, from: string | RegExp, to: string): string {
  const path = join(directory, name);
  writeFileSync(path, readFileSync(example, 'utf8').replace(from, to));
  return path;
}

const providerError = (message: string) =>
  Object.assign(new Error(message), { name: 'CredentialsProviderError' });

/** A stack with the example's issuer, and its credential in use since ten days. */
async function deployed(overrides: Parameters<typeof aCredential>[0] = {}): Promise<TwinStack> {
  const stack = twinStack();
  await stack.issuerBlocks.put('registry', config.issuers['registry']);
  const declaration = config.credentials['npm-token'] ?? aDeclaration();
  const credential = aCredential({
    id: 'npm-token',
    declaration,
    status: 'active',
    currentGeneration: 1,
    lastGeneration: 1,
    lastPromotedAt: plus(someTime, -10 * day),
    dueAt: plus(someTime, 20 * day),
    ...overrides,
  });
  await put(stack, credential, { keys: [aKey({ credentialId: 'npm-token', issuer: 'registry' })] });
  return stack;
}

describe('keyturn plan <credential>', () => {
  it('shows every step with who has to do it, and by when', async () => {
    const { code, out } = await run(await deployed(), ['plan', 'npm-token']);
    expect(code).toBe(0);
    expect(out).toMatch(/^STEP +WHO +EARLIEST +LATEST +WHAT$/m);
    expect(out).toMatch(/^Start +keyturn +2026-03-22T08:00:00Z +- +every 30 d, last at 2026-02-20/m);
    expect(out).toMatch(/^Issue key +issuer registry .*one at a time, since it takes no label$/m);
    expect(out).toMatch(/^ +\(it allows 100 live keys, of which keyturn knows 1 of this credential\)$/m);
    for (const consumer of ['builder', 'mirror', 'dashboard'])
      expect(out).toMatch(new RegExp(`^Move +${consumer} +2026-03-22T08:00:01Z +2026-03-22T08:05:01Z`, 'm'));
    expect(out).toMatch(
      /^Ask owner +platform-team {2}.*platform-team is asked, and reminded each day, .*; both keys stay alive/m,
    );
  });

  it('prints the same for programs', async () => {
    const { out } = await run(await deployed(), ['plan', 'npm-token', '--json']);
    const { stack, credential, assumed, steps } = JSON.parse(out);
    expect({ stack, credential, assumed }).toEqual({ stack: 'keyturn', credential: 'npm-token' });
    expect(steps[0]).toEqual({
      step: 'Start',
      who: 'keyturn',
      what: expect.stringContaining('every 30 d'),
      earliest: plus(someTime, 20 * day),
      latest: null,
    });
    expect(steps.at(-1).step).toBe('Complete');
  });

  it('names the nearest credential when there is none of this id', async () => {
    expect(await run(await deployed(), ['plan', 'npm-tokn'])).toMatchObject({
      code: 1,
      err: 'keyturn: stack "keyturn" has no credential "npm-tokn", did you mean "npm-token"?',
    });
  });

  it('says when its issuer is not registered', async () => {
    const stack = twinStack();
    await put(stack, aCredential());
    const { code, err } = await run(stack, ['plan', 'billing-agent']);
    expect(code).toBe(1);
    expect(err).toContain('block "openai" is not registered: deploy again');
  });
});

describe('keyturn plan', () => {
  it('shows what starts when, the next one first', async () => {
    const stack = await deployed();
    await put(stack, aCredential({ id: 'fresh-one' }));
    await put(
      stack,
      aCredential({ id: 'busy-one', status: 'rotating', activeRotation: 'r-1', dueAt: null }),
      {
        rotation: aRotation({ credentialId: 'busy-one', rotationId: 'r-1' }),
      },
    );
    const pause = { at: someTime, by: 'ada', reason: 'release week' };
    await put(stack, aCredential({ id: 'paused-one', pause, dueAt: plus(someTime, 9 * day) }));
    const { out } = await run(stack, ['plan']);
    const [, ...lines] = out.split('\n');
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['fresh-one', 'rotate', 'now'],
      ['paused-one', 'rotate', '-'],
      ['npm-token', 'rotate', 'in 20 d'],
      ['busy-one', 'rotate', '-'],
    ]);
    expect(lines[1]).toContain('but paused by ada');
    expect(lines[3]).toContain('rotation r-1 is under way');
  });

  it('prints one JSON object for programs', async () => {
    const { out } = await run(await deployed(), ['plan', '--json']);
    expect(JSON.parse(out)).toEqual({
      stack: 'keyturn',
      credentials: [
        {
          credential: 'npm-token',
          kind: 'rotate',
          at: plus(someTime, 20 * day),
          why: expect.stringContaining('every 30 d'),
          held: null,
        },
      ],
    });
  });
});

describe('keyturn plan --file', () => {
  it('plans what the file would make of a deployed credential, and writes nothing', async () => {
    const stack = await deployed();
    const before = stack.ledger.rows();
    const file = aFile('monthly.yaml', 'rotateEvery: 30d', 'rotateEvery: 12d');
    const { out } = await run(stack, ['plan', 'npm-token', '--file', file]);
    expect(out).toMatch(/^Start +keyturn +2026-03-04T08:00:00Z +- +every 12 d/m);
    expect(stack.ledger.rows()).toEqual(before);
  });

  it('plans the retirement of what the file does not declare any more', async () => {
    const file = aFile('other.yaml', 'npm-token:', 'other-token:');
    const { out } = await run(await deployed(), ['plan', '--file', file]);
    expect(out).toMatch(/^npm-token +retire +now .*no longer declared/m);
    expect(out).toMatch(/^other-token +rotate +now .*it has no key yet/m);
  });

  it('says what a deploy would refuse', async () => {
    const file = aFile('moved.yaml', /registry/g, 'elsewhere');
    const { code, err } = await run(await deployed(), ['plan', '--file', file]);
    expect(code).toBe(1);
    expect(err).toContain(
      'a deploy would be refused: issuer block "registry" is not in keyturn.yaml any more',
    );
  });

  it.each([
    ['stack', new Failure('no keyturn is deployed as stack "keyturn"', 2), 'no keyturn is deployed'],
    ['region', new Error('Region is missing'), 'no AWS region is set'],
    ['credentials', providerError('Could not load credentials from any providers'), 'no AWS credentials'],
  ])('plans everything as new where there is no %s, and says why', async (_what, error, why) => {
    const nowhere = async () => {
      throw error;
    };
    const argv = ['plan', 'npm-token', '--file', example];
    const { code, out, err } = await run(twinStack(), argv, nowhere);
    expect(code).toBe(0);
    expect(out).toMatch(/^Start +keyturn .* it has no key yet$/m);
    expect(err).toContain(`keyturn: planned as new, since ${why}`);
    const one = JSON.parse((await run(twinStack(), [...argv, '--json'], nowhere)).out);
    expect(one).toMatchObject({ stack: 'keyturn', assumed: 'new', credential: 'npm-token' });
    const all = await run(twinStack(), ['plan', '--file', example, '--stack', 'prod', '--json'], nowhere);
    expect(JSON.parse(all.out)).toMatchObject({ stack: 'prod', assumed: 'new', credentials: [{}] });
  });

  it.each([
    ['nobody answers', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    ['you may not look', Object.assign(new Error('no'), { name: 'AccessDeniedException' })],
    ['your login has expired', providerError('The SSO session has expired')],
  ])('takes nothing for new only because %s', async (_what, error) => {
    const refused = async () => {
      throw error;
    };
    const { code, out } = await run(twinStack(), ['plan', '--file', example], refused);
    expect({ code, out }).toEqual({ code: 1, out: '' });
  });

  it('names the mistakes of a wrong file', async () => {
    const file = aFile('wrong.yaml', 'rotateEvery: 30d', 'rotateEvery: soon');
    const { code, err } = await run(await deployed(), ['plan', '--file', file]);
    expect(code).toBe(1);
    expect(err).toContain('rotateEvery is "soon"');
  });
});

describe('keyturn rotate --dry-run', () => {
  it('shows the plan as if it were asked for now, and asks nobody', async () => {
    const stack = await deployed();
    const { code, out } = await run(stack, ['rotate', 'npm-token', '--dry-run']);
    expect(code).toBe(0);
    expect(out).toMatch(/^Start +whoever asks +2026-03-02T08:00:00Z +- +asked for now$/m);
    expect(stack.asked).toEqual([]);
  });

  it('says why it would be refused', async () => {
    const stack = await deployed({ pause: { at: someTime, by: 'ada', reason: 'release week' } });
    const why = expect.stringMatching(/rotation of "npm-token" would be refused: .*paused by ada/);
    const { code, out, err } = await run(stack, ['rotate', 'npm-token', '--dry-run', '--json']);
    expect({ code, out: JSON.parse(out), err }).toEqual({ code: 1, out: { error: why }, err: why });
  });
});
