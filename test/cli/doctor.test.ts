import { describe, expect, it } from 'vitest';
import type { Finding } from '../../lib/cli/doctor/finding.ts';
import { IssuerUnavailable } from '../../lib/rotation/errors.ts';
import { plus } from '../../lib/usage/instant.ts';
import { aCredential, aDeclaration, aRotation, someTime } from '../support/builders.ts';
import { put, run, type TwinStack, twinStack } from './twin-stack.ts';

const { secret } = aDeclaration();

interface About {
  readonly credential?: Parameters<typeof aCredential>[0];
  readonly rotation?: Parameters<typeof aRotation>[0];
  /** Whether the consumer has reported. @default true */
  readonly seen?: boolean;
  /** Whether the secret is there. @default true */
  readonly stored?: boolean;
}

/** A stack whose one credential is well, but for what the test says. */
async function aStack({ credential, rotation, seen = true, stored = true }: About = {}): Promise<TwinStack> {
  const stack = twinStack();
  const row = aCredential({
    status: 'active',
    currentGeneration: 1,
    dueAt: plus(someTime, 86_400),
    ...credential,
  });
  await put(stack, row, rotation ? { rotation: aRotation(rotation) } : {});
  if (stored) {
    const made = { name: secret.name, token: 't', placeholder: 'p', credentialId: row.id };
    await stack.secrets.create(made);
  }
  if (seen) await stack.usage.apply({ usage: [], presence: [report] });
  return stack;
}

const report = {
  credentialId: 'billing-agent',
  consumer: 'billing-agent',
  instance: 'one',
  seq: 1,
  windowEnd: someTime,
  lastSeen: someTime,
  leftAt: null,
  holds: [],
  lastUse: {},
};

async function findings(
  stack: TwinStack,
): Promise<{ readonly code: number; readonly bad: readonly string[] }> {
  const { code, out } = await run(stack, ['doctor', '--json']);
  const { findings: all } = JSON.parse(out) as { readonly findings: readonly Finding[] };
  const bad = all.filter(({ status }) => status !== 'ok');
  return { code, bad: bad.map(({ status, subject, text }) => `${status}: ${subject}: ${text}`) };
}

describe('keyturn doctor', () => {
  it('finds nothing wrong in a stack that is well', async () => {
    const stack = await aStack();
    stack.parts.push({ subject: 'table', look: async () => 'active' });
    const { code, out } = await run(stack, ['doctor']);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['STATUS', 'WHAT', 'SEEN'],
      ['ok', 'table', 'active'],
      ['ok', 'issuer openai', 'it lists 0 keys'],
      ['ok', 'credential billing-agent', 'active'],
    ]);
  });

  it('ends with 1 and counts what is missing or wrong', async () => {
    const stack = await aStack();
    stack.parts.push({ subject: 'table', look: async () => ({ status: 'missing', text: 'deploy again' }) });
    expect(await run(stack, ['doctor'])).toMatchObject({
      code: 1,
      err: 'keyturn: 1 of 3 are missing or wrong',
    });
  });

  it('looks at no issuer and no target that only retired credentials have used', async () => {
    const declaration = aDeclaration({ targets: ['mirror'] });
    const stack = await aStack({ credential: { declaration, status: 'retired', dueAt: null } });
    const { out } = await run(stack, ['doctor', '--json']);
    expect(JSON.parse(out)).toEqual({ stack: 'keyturn', ok: true, findings: [] });
  });

  it.each(['AccessDeniedException', 'Forbidden', 'NotAuthorized', 'UnauthorizedOperation'])(
    'does not blame keyturn for what you may not look at (%s)',
    async (said) => {
      const stack = await aStack();
      const cause = new Error(said);
      const refusal = new IssuerUnavailable('the admin secret keyturn-admin/openai could not be read', {
        cause,
      });
      stack.theIssuer.failNext('list', refusal);
      const { code, bad } = await findings(stack);
      expect(code).toBe(0);
      expect(bad).toEqual([expect.stringMatching(/^unknown: issuer openai: you may not look at it/)]);
    },
  );

  it('tells a failing issuer from one whose admin secret is not there', async () => {
    const stack = await aStack();
    stack.theIssuer.failNext('list', new IssuerUnavailable('GET api.openai.com/keys answered 503'));
    expect((await findings(stack)).bad).toEqual([
      'wrong: issuer openai: GET api.openai.com/keys answered 503',
    ]);
    const cause = new Error('InvalidInput, ResourceNotFoundException');
    stack.theIssuer.failNext('list', new IssuerUnavailable('the admin secret could not be read', { cause }));
    expect((await findings(stack)).bad).toEqual([
      'missing: issuer openai: the admin secret could not be read',
    ]);
  });

  it('checks every target once', async () => {
    const declaration = aDeclaration({ targets: ['mirror'] });
    const stack = await aStack({ credential: { declaration } });
    expect((await findings(stack)).bad).toEqual([]);
    stack.theTarget.fail();
    expect(await findings(stack)).toMatchObject({
      code: 1,
      bad: ['wrong: target mirror: the target does not answer'],
    });
  });
});

describe('what the doctor sees of a credential', () => {
  it.each<readonly [string, About, string]>([
    [
      'it is blocked',
      { credential: { status: 'blocked', dueAt: null }, rotation: { at: 'blocked' } },
      'wrong: credential billing-agent: blocked: the issuer refused the request; then ask for a rotation with "keyturn rotate billing-agent"',
    ],
    [
      'it is failing',
      { credential: { status: 'failing', failures: 5 } },
      'wrong: credential billing-agent: failing: 5 rotations abandoned in a row, see why with "keyturn history billing-agent"',
    ],
    [
      'the sweep does not start it',
      { credential: { dueAt: plus(someTime, -3600) } },
      `wrong: credential billing-agent: due since ${plus(someTime, -3600)} and not started: see the log of the sweep-due function`,
    ],
    [
      'its rotation is not heard of any more',
      {
        credential: { status: 'rotating', activeRotation: aRotation().rotationId, dueAt: null },
        rotation: { at: 'verifying', expectedBy: plus(someTime, -3600) },
      },
      `wrong: credential billing-agent: rotation ${aRotation().rotationId} was to be heard of by ${plus(someTime, -3600)}: "keyturn resume billing-agent" looks after its execution`,
    ],
    [
      'its old key is overdue',
      {
        credential: { status: 'rotating', activeRotation: aRotation().rotationId, dueAt: null },
        rotation: {
          at: 'grace',
          deadline: someTime,
          verdict: {
            outcome: 'overdue',
            reason: 'mirror holds the old key',
            consumers: [],
            heldBy: [],
            quietAt: null,
          },
        },
      },
      'wrong: credential billing-agent: its old key is overdue: mirror holds the old key',
    ],
    [
      'its owner is asked',
      {
        credential: { status: 'rotating', activeRotation: aRotation().rotationId, dueAt: null },
        rotation: {
          at: 'grace',
          questions: 2,
          question: { number: 2, askedAt: someTime, remindedAt: someTime },
          refusal: 'the roll back was refused: the old key expires',
        },
      },
      'wrong: credential billing-agent: its owner is asked for a decision (question 2, keyturn decide billing-agent extend <duration> | revoke | roll-back): the roll back was refused: the old key expires',
    ],
    [
      'IAM does not know a declared role',
      { credential: { senders: { 'billing-agent': null, mirror: 'AROAEXAMPLE' } } },
      'wrong: roles of billing-agent: IAM does not know the role of billing-agent, so their reports count as a stranger\'s and each old key stays alive: IAM is asked again each hour by itself, so once the role is there nothing is to do; else correct "role" in keyturn.yaml, or say "roleId" for a role of another account, and deploy',
    ],
    [
      'its secret is gone',
      { stored: false },
      `missing: secret ${secret.name} of billing-agent: consumers have nothing to read: restore it, or find out who deleted it`,
    ],
    [
      'a consumer was never seen',
      { seen: false },
      'missing: consumers of billing-agent: never seen: billing-agent; until they report, each old key stays alive beside the new one (see docs/client.md)',
    ],
    [
      'it declares no consumer',
      { credential: { declaration: aDeclaration({ consumers: [] }) } },
      'missing: consumers of billing-agent: none is declared, and its issuer does not say when a key is used, so no key ever drains by proof: declare who uses it (see docs/client.md)',
    ],
  ])('%s', async (_what, about, said) => {
    expect(await findings(await aStack(about))).toEqual({ code: 1, bad: [said] });
  });

  it.each([
    [0, 0],
    [1, 1],
  ])('gives the sweep a quarter of an hour, and %d s more is too long', async (more, code) => {
    const past = plus(someTime, -15 * 60 - more);
    expect(await findings(await aStack({ credential: { dueAt: past } }))).toMatchObject({ code });
    const credential = {
      status: 'rotating' as const,
      activeRotation: aRotation().rotationId,
      dueAt: null,
    };
    const rotation = { at: 'verifying' as const, expectedBy: past };
    expect(await findings(await aStack({ credential, rotation }))).toMatchObject({ code });
  });

  it('Secrets Manager rotates the same secret', async () => {
    const stack = await aStack();
    stack.secrets.rotateNatively(secret.name);
    expect((await findings(stack)).bad).toEqual([expect.stringContaining('Secrets Manager rotates it too')]);
  });

  it.each<readonly [string, About]>([
    [
      'it has no key yet, and so neither secret nor reports',
      { credential: { currentGeneration: 0, status: 'new' }, stored: false, seen: false },
    ],
    ['it waits for its window', { credential: { dueAt: plus(someTime, -3600), declaration: closed() } }],
    [
      'it is paused',
      { credential: { dueAt: plus(someTime, -3600), pause: { at: someTime, by: 'ada', reason: 'x' } } },
    ],
    [
      'it is retired',
      { credential: { status: 'retired', dueAt: null, currentGeneration: 0 }, stored: false },
    ],
  ])('nothing is wrong when %s', async (_what, about) => {
    expect(await findings(await aStack(about))).toEqual({ code: 0, bad: [] });
  });
});

/** A declaration whose window opens on Sundays only. */
function closed() {
  const declaration = aDeclaration();
  const windows = [{ days: ['sun' as const], from: '00:00', to: '06:00', timeZone: 'UTC' }];
  return { ...declaration, policy: { ...declaration.policy, windows } };
}
