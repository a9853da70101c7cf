import { describe, expect, it } from 'vitest';
import { auditWords } from '../../lib/cli/format/audit-words.ts';
import { pause } from '../../lib/rotation/pause.ts';
import { scenarios } from '../rotation/scenarios.ts';
import { anAuditRecord } from '../support/builders.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { aWorld, type World } from '../support/world.ts';
import { run, type TwinStack, twinStack } from './twin-stack.ts';

/** A twin stack over a world whose credential has got its first key. */
async function afterFirstRotation(): Promise<TwinStack & { readonly world: World }> {
  const world = await aWorld();
  await runWorkflow(world, await world.nextRotation());
  await pause(world.ports(), { credentialId: world.credentialId, by: 'ada', reason: 'release week' });
  const stack = twinStack();
  for (const { seq, hash, at, type } of world.events.events) stack.anchored.push({ seq, hash, at, type });
  return { ...stack, ledger: world.ledger, clock: world.clock, world };
}

describe('keyturn history', () => {
  it('tells who did what, newest last', async () => {
    const { code, out } = await run(await afterFirstRotation(), ['history', 'billing-agent']);
    expect(code).toBe(0);
    const told = out
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/).slice(2, 4).join(': '));
    expect(told).toEqual([
      'registration: declared, with issuer openai',
      'schedule: began to rotate, generation 1',
      'step issueKey: about to ask the issuer for a key, attempt 1',
      'step issueKey: the issuer made key key-1',
      'step issueKey: the value of key key-1 is in the secret store',
      expect.stringMatching(/^step verifyKey: the issuer accepts /),
      'step promoteKey: passed the commit point',
      expect.stringMatching(/^step promoteKey: consumers can read generation 1; deadline 20/),
      'step checkDrain: there is no old key to wait for',
      'step complete: the rotation is complete',
      'ada: paused: release week',
    ]);
  });

  it('can be cut to the newest records', async () => {
    const { out } = await run(await afterFirstRotation(), ['history', 'billing-agent', '--limit', '2']);
    expect(out.split('\n')).toHaveLength(3);
    expect(out).toContain('paused: release week');
  });

  it('prints whole records with their words for programs', async () => {
    const { out } = await run(await afterFirstRotation(), [
      'history',
      'billing-agent',
      '--limit',
      '1',
      '--json',
    ]);
    expect(JSON.parse(out)).toMatchObject({
      stack: 'keyturn',
      credential: 'billing-agent',
      records: [
        { seq: 11, what: 'paused', actor: 'ada', words: 'paused: release week', hash: expect.any(String) },
      ],
    });
  });

  it.each([
    [['history', 'biling-agent'], 1],
    [['history', 'billing-agent', '--limit', 'some'], 2],
    [['history', 'billing-agent', '--limit', '0'], 2],
  ])('ends %j with %i', async (argv, code) => {
    expect(await run(await afterFirstRotation(), argv)).toMatchObject({ code });
  });
});

describe('keyturn history --verify', () => {
  it('says that a whole trail fits, and how far its copies reach', async () => {
    const { code, out } = await run(await afterFirstRotation(), ['history', 'billing-agent', '--verify']);
    expect(code).toBe(0);
    expect(out).toMatch(
      /every number and hash fits; \d copies outside the table, up to record 10, say the same$/,
    );
  });

  it('fails when a record was changed, and names it', async () => {
    const stack = await afterFirstRotation();
    const audit: TwinStack['ledger']['audit'] = async (id) =>
      (await stack.ledger.audit(id)).map((record) =>
        record.seq === 4 ? { ...record, actor: 'mallory' } : record,
      );
    const forged = { ...stack, ledger: { ...stack.ledger, audit } };
    const { code, out, err } = await run(forged, ['history', 'billing-agent', '--verify']);
    expect(code).toBe(1);
    expect(out).toMatch(/^record 4: its hash is /m);
    expect(err).toContain('the audit trail of "billing-agent" does not fit at record 4');
  });

  it('fails when a copy outside the table says something else', async () => {
    const stack = await afterFirstRotation();
    stack.anchored.push({ seq: 8, hash: 'f00d', at: '2026-03-02T08:00:00Z', type: 'Key Promoted' });
    const { code, out } = await run(stack, ['history', 'billing-agent', '--verify', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out).verification).toMatchObject({
      ok: false,
      findings: [{ seq: 8, what: expect.stringContaining('f00d') }],
    });
  });

  it('reads again when the credential changes between two reads', async () => {
    const stack = await afterFirstRotation();
    let reads = 0;
    const audit: TwinStack['ledger']['audit'] = async (id) => {
      reads += 1;
      const records = await stack.ledger.audit(id);
      return reads === 1 ? records.slice(0, -1) : records;
    };
    const busy = { ...stack, ledger: { ...stack.ledger, audit } };
    expect(await run(busy, ['history', 'billing-agent', '--verify'])).toMatchObject({ code: 0 });
    expect(reads).toBe(2);
  });

  it('says so when the stack keeps no copies', async () => {
    const stack = { ...(await afterFirstRotation()), anchor: undefined };
    const { code, out } = await run(stack, ['history', 'billing-agent', '--verify']);
    expect(code).toBe(0);
    expect(out).toContain('this stack keeps no copies outside the table');
  });
});

describe('the words of an audit record', () => {
  it('name the target that has got a key, or has not', async () => {
    const world = await aWorld({ declaration: { targets: ['mirror', 'cache'] } });
    const ref = await world.nextRotation();
    world.targetOf('mirror').fail();
    await runWorkflow(world, ref).catch(() => undefined);
    const told = (await world.ledger.audit(world.credentialId)).map(auditWords);
    expect(told).toContain('target mirror did not get the new key');
  });

  it('name the fields of a declaration that was changed', () => {
    const before = { declaration: { issuer: 'a', privilege: 'high' } };
    const after = { declaration: { issuer: 'a', privilege: 'standard', targets: ['mirror'] } };
    const record = anAuditRecord({ what: 'declarationChanged', before, after });
    expect(auditWords(record)).toBe('declaration changed: privilege, targets');
  });

  it.each([
    [
      'a rotation whose disabled key is missed',
      [
        'the leaving key is proven out of use: nobody is on generation 1',
        'key key-1 is disabled for a trial',
        'the disabled key was missed by cron-reports: it is to be enabled',
        'key key-1 is enabled again',
        'nobody missed key key-1 while it was disabled',
      ],
    ],
    [
      'a rotation that its owner rolls back',
      [
        'overdue, its owner was told: ',
        'decided: roll-back (question 1)',
        'rolled back: consumers can read generation 1 again; deadline 20',
      ],
    ],
    ['a rotation whose old key its owner has revoked', ['decided: revoke (question 1)']],
  ])('tell of %s, and leave nothing open', async (name, expected) => {
    const { world, ref, meanwhile } = (await scenarios.find((one) => one.name === name)?.stage()) ?? {};
    if (!world || !ref || !meanwhile) throw new Error(`there is no scenario ${name}`);
    await runWorkflow(world, ref, { meanwhile });
    const told = (await world.ledger.audit(world.credentialId)).map(auditWords);
    for (const words of expected) expect(told).toContainEqual(expect.stringContaining(words));
    expect(told.join('\n')).not.toContain('?');
  });

  it.each([
    [
      'decided',
      { decision: { choice: 'extend', seconds: 86_400, question: 0, by: 'ada' } },
      'decided: extend by 24 h',
    ],
    [
      'decided',
      { decision: { choice: 'revoke', question: 0, by: 'policy' } },
      'decided: revoke, as keyturn.yaml says',
    ],
    [
      'rollBackRefused',
      { refusal: 'the roll back was refused: it expires' },
      'the roll back was refused: it expires',
    ],
    [
      'breakageSeen',
      { breakages: 2 },
      'the disabled key was missed by the same as before: it is to be enabled',
    ],
    ['keySpared', {}, 'the disabled key is to be enabled: nobody can tell, or it is wanted again'],
  ])('say %s with %j', (what, after, words) => {
    expect(auditWords(anAuditRecord({ what, after }))).toBe(words);
  });

  it('name the consumers whose role was looked up anew', () => {
    const before = { senders: { mirror: 'AROAONE', nightly: 'AROATWO' } };
    const after = { senders: { mirror: 'AROAONE', nightly: null } };
    const record = anAuditRecord({ what: 'sendersChanged', before, after });
    expect(auditWords(record)).toBe('who reports as nightly was looked up anew');
  });

  it('are its own name when this keyturn does not know it', () => {
    expect(auditWords(anAuditRecord({ what: 'keyPolished' }))).toBe('keyPolished');
  });
});
