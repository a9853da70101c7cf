/** What every ledger does, whatever it is made of. */
import { describe, expect, it } from 'vitest';
import type { Credential } from '../../lib/rotation/credential.ts';
import type { Commit, Ledger } from '../../lib/rotation/ports.ts';
import type { Phase, Rotation } from '../../lib/rotation/rotation.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { plus } from '../../lib/usage/instant.ts';
import {
  aCredential,
  aKey,
  aLease,
  anAnnouncement,
  anAuditRecord,
  aRotation,
  refOf,
  someTime,
} from '../support/builders.ts';
import { changeOf, registrationOf } from '../support/commits.ts';
import { SENTINEL } from '../support/sentinel.ts';

const phases = [
  'issuing',
  'verifying',
  'verified',
  'promoting',
  'grace',
  'revoking',
  'completing',
  'completed',
  'abandoning',
  'abandoned',
  'blocked',
] as const satisfies readonly Phase[];

/** @param make an empty ledger for each test. */
export function ledgerContract(name: string, make: () => Promise<Ledger>): void {
  describe(`${name} as a ledger`, () => {
    describe('loading', () => loads(make));
    describe('committing', () => commits(make));
    describe('refusing', () => refusals(make));
    describe('claiming keys', () => claims(make));
    describe('leasing a rotation', () => leases(make));
    describe('noting', () => notes(make));
    describe('keeping an outbox', () => outboxes(make));
    describe('telling what is due', () => dues(make));
  });
}

type Make = () => Promise<Ledger>;

function loads(make: Make): void {
  it('knows nothing of a credential that was never registered', async () => {
    const ledger = await make();
    expect(await ledger.load('billing-agent')).toBeUndefined();
    expect(await ledger.rotations('billing-agent')).toEqual([]);
    expect(await ledger.audit('billing-agent')).toEqual([]);
  });

  it('gives a credential back as it was written', async () => {
    const credential = aCredential({ dueAt: null, lastPromotedAt: someTime });
    const ledger = await holding(make, credential);
    expect(await ledger.load('billing-agent')).toEqual({ credential, keys: [] });
  });

  it.each(phases)('gives a rotation that is %s back as it was written', async (at) => {
    const rotation = aRotation({ at, lease: aLease(), outbox: [anAnnouncement()] });
    const { ledger } = await rotating(make, rotation);
    expect((await ledger.load('billing-agent', rotation.rotationId))?.rotation).toEqual(rotation);
  });

  it('leaves out what is undefined', async () => {
    const ledger = await make();
    const commit = registrationOf(aCredential());
    await ledger.commit({ ...commit, audit: anAuditRecord({ after: { status: 'new', window: undefined } }) });
    expect(Object.keys((await ledger.audit('billing-agent'))[0]?.after ?? {})).toEqual(['status']);
  });

  it('gives no rotation when none is asked for, or when there is none of that id', async () => {
    const { ledger } = await rotating(make, aRotation());
    expect(await ledger.load('billing-agent')).not.toHaveProperty('rotation');
    expect(await ledger.load('billing-agent', 'another')).not.toHaveProperty('rotation');
  });

  it('lists keys by generation and attempt, as numbers', async () => {
    const keys = [aKeyOf(10, 1), aKeyOf(2, 10), aKeyOf(2, 2), aKeyOf(1, 1)];
    const ledger = await holding(make, aCredential(), keys);
    const loaded = await ledger.load('billing-agent');
    expect(loaded?.keys).toEqual([...keys].reverse());
  });

  it('lists rotations newest first', async () => {
    const older = aRotation({ at: 'completed', rotationId: 'rotation-z', startedAt: someTime });
    const newer = aRotation({ rotationId: 'rotation-a', startedAt: plus(someTime, 60) });
    const { ledger, credential } = await rotating(make, older);
    await ledger.commit(changeOf(credential, { rotation: newer }));
    expect((await ledger.rotations('billing-agent')).map((each) => each.rotationId)).toEqual([
      'rotation-a',
      'rotation-z',
    ]);
  });

  it('lists credentials by id', async () => {
    const ledger = await holding(make, aCredential({ id: 'search-agent', dueAt: null }));
    await ledger.commit(registrationOf(aCredential({ id: 'billing-agent' })));
    expect((await ledger.credentials()).map(({ id }) => id)).toEqual(['billing-agent', 'search-agent']);
  });

  it('keeps the audit trail oldest first, as numbers', async () => {
    let credential = aCredential();
    const ledger = await holding(make, credential);
    for (let changes = 0; changes < 11; changes += 1) credential = await changed(ledger, credential);
    const trail = await ledger.audit('billing-agent');
    expect(trail.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(trail[0]).toEqual(anAuditRecord());
  });

  it('keeps credentials apart whose ids begin alike', async () => {
    const ledger = await holding(make, aCredential({ id: 'agent' }));
    const other = aCredential({ id: 'agent-2' });
    await ledger.commit(registrationOf(other));
    const rows = {
      rotation: aRotation({ credentialId: 'agent-2' }),
      keys: [aKey({ credentialId: 'agent-2' })],
    };
    await ledger.commit(changeOf(other, rows));
    expect(await ledger.load('agent')).toEqual({ credential: aCredential({ id: 'agent' }), keys: [] });
    expect(await ledger.rotations('agent')).toEqual([]);
    expect(await ledger.audit('agent')).toHaveLength(1);
  });

  it('hands out copies', async () => {
    const ledger = await holding(make, aCredential());
    const first = await ledger.load('billing-agent');
    Object.assign(first?.credential ?? {}, { status: 'blocked' });
    expect((await ledger.load('billing-agent'))?.credential.status).toBe('new');
  });
}

function commits(make: Make): void {
  it('writes credential, rotation, keys and audit record together', async () => {
    const ledger = await holding(make, aCredential());
    const commit = changeOf(aCredential(), { rotation: aRotation(), keys: [aKey()] });
    await ledger.commit(commit);
    expect(await ledger.load('billing-agent', aRotation().rotationId)).toEqual({
      credential: commit.credential,
      rotation: commit.rotation,
      keys: commit.keys,
    });
    expect((await ledger.audit('billing-agent')).at(-1)).toEqual(commit.audit);
  });

  it('lets the next run take a rotation over', async () => {
    const { ledger, credential } = await rotating(make, aRotation({ run: 1 }));
    await ledger.commit(changeOf(credential, { rotation: aRotation({ run: 2 }), run: 1 }));
    expect((await ledger.load('billing-agent', aRotation().rotationId))?.rotation?.run).toBe(2);
  });

  it('replaces a rotation as a whole', async () => {
    const { ledger, credential } = await rotating(make, aRotation({ at: 'abandoning' }));
    const rotation = aRotation({ at: 'grace' });
    await ledger.commit(changeOf(credential, { rotation, run: 1 }));
    expect((await ledger.load('billing-agent', rotation.rotationId))?.rotation).toEqual(rotation);
  });

  it('lets the epoch move', async () => {
    const ledger = await holding(make, aCredential({ epoch: 1 }));
    await ledger.commit(changeOf(aCredential({ epoch: 1 }), { credential: { epoch: 2 } }));
    expect((await ledger.load('billing-agent'))?.credential.epoch).toBe(2);
  });

  it('lets one of several changes at the same time through', async () => {
    const ledger = await holding(make, aCredential());
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map(() => ledger.commit(changeOf(aCredential(), { keys: [aKey()] }))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.name] : []))).toEqual(
      Array(4).fill('LedgerChanged'),
    );
    expect(await ledger.audit('billing-agent')).toHaveLength(2);
  });

  it('refuses to write a secret', async () => {
    const ledger = await holding(make, aCredential());
    const commit = changeOf(aCredential());
    const audit = { ...commit.audit, after: { secret: new SecretText(SENTINEL) } };
    await expect(ledger.commit({ ...commit, audit })).rejects.toThrow();
    expect(await ledger.audit('billing-agent')).toHaveLength(1);
  });
}

/** Each is a commit against the ledger of `rotating(make, aRotation({ run: 2 }))` with key 1 of another credential. */
const refused: readonly { readonly what: string; readonly error: string; readonly commit: Commit }[] =
  (() => {
    const read = aCredential({ auditSeq: 2 });
    const rotation = aRotation({ run: 2 });
    const right = changeOf(read, { rotation, run: 2, keys: [aKeyOf(1, 1)] });
    const lost = { ...right.expected, run: 1 };
    return [
      {
        what: 'a credential that is new to the caller only',
        error: 'LedgerChanged',
        commit: registrationOf(read),
      },
      {
        what: 'a change of a credential that does not exist',
        error: 'LedgerChanged',
        commit: changeOf(aCredential({ id: 'nobody' })),
      },
      {
        what: 'a change made from an older audit sequence',
        error: 'LedgerChanged',
        commit: { ...right, expected: { ...right.expected, auditSeq: 1 } },
      },
      {
        what: 'a change made in another epoch',
        error: 'Fenced',
        commit: { ...right, expected: { ...right.expected, epoch: 0 } },
      },
      {
        what: 'a change that is behind in everything',
        error: 'Fenced',
        commit: { ...right, expected: { auditSeq: 1, epoch: 0, run: 1 } },
      },
      { what: 'a change by an earlier run', error: 'Superseded', commit: { ...right, expected: lost } },
      {
        what: 'a change by an earlier run from an older audit sequence',
        error: 'Superseded',
        commit: { ...right, expected: { ...lost, auditSeq: 1 } },
      },
      {
        what: 'a rotation that exists already',
        error: 'Superseded',
        commit: { ...right, expected: { auditSeq: 2, epoch: 1 } },
      },
      {
        what: 'a run of a rotation that does not exist',
        error: 'Superseded',
        commit: { ...right, rotation: { ...rotation, rotationId: 'nowhere' } },
      },
      {
        what: 'a rotation whose lease somebody else has taken',
        error: 'LedgerChanged',
        commit: { ...right, rotation: { ...rotation, lease: aLease({ requestId: 'too-late' }) } },
      },
      {
        what: 'a key that another credential has claimed',
        error: 'LedgerChanged',
        commit: { ...right, keys: [aKey({ keyId: 'key_of_search_agent' })] },
      },
      {
        what: 'an audit record that exists already',
        error: 'LedgerChanged',
        commit: { ...right, audit: anAuditRecord({ seq: 2 }) },
      },
    ];
  })();

function refusals(make: Make): void {
  const prepared = async (): Promise<Ledger> => {
    const { ledger } = await rotating(make, aRotation({ run: 2, lease: aLease() }));
    const other = aCredential({ id: 'search-agent' });
    await ledger.commit(registrationOf(other));
    const keys = [aKey({ credentialId: 'search-agent', keyId: 'key_of_search_agent' })];
    await ledger.commit(changeOf(other, { keys }));
    return ledger;
  };

  it.each(refused)('answers $what with $error', async ({ commit, error }) => {
    const ledger = await prepared();
    await expect(ledger.commit(commit)).rejects.toMatchObject({ name: error });
  });

  it.each(refused)('writes nothing for $what', async ({ commit }) => {
    const ledger = await prepared();
    const before = await everything(ledger);
    await expect(ledger.commit(commit)).rejects.toThrow();
    expect(await everything(ledger)).toEqual(before);
  });

  it('says what it expected, what it found and whose credential it is', async () => {
    const ledger = await prepared();
    const read = aCredential({ auditSeq: 2 });
    await expect(ledger.commit(changeOf({ ...read, epoch: 7 }))).rejects.toThrow(
      /credential billing-agent has epoch 1, expected 7/,
    );
    await expect(ledger.commit(changeOf({ ...read, auditSeq: 9 }))).rejects.toThrow(
      /credential billing-agent has audit sequence 2, expected 9/,
    );
    await expect(ledger.commit(changeOf(read, { rotation: aRotation({ run: 2 }), run: 1 }))).rejects.toThrow(
      /rotation .* of credential billing-agent has run 2, expected 1/,
    );
    await expect(
      ledger.commit(changeOf(read, { keys: [aKey({ keyId: 'key_of_search_agent' })] })),
    ).rejects.toThrow(
      /belongs to credential search-agent, generation 1, attempt 1, expected credential billing-agent/,
    );
  });
}

function claims(make: Make): void {
  it('knows whose key it is as soon as it is written', async () => {
    const ledger = await holding(make, aCredential(), [aKeyOf(3, 2)]);
    expect(await ledger.claim('openai', 'key_3_2')).toEqual({
      credentialId: 'billing-agent',
      generation: 3,
      attempt: 2,
    });
  });

  it('knows no owner of a key that nobody has claimed', async () => {
    const ledger = await holding(make, aCredential(), [aKey()]);
    expect(await ledger.claim('openai', 'key_of_nobody')).toBeUndefined();
  });

  it('lets the same key be written again', async () => {
    const ledger = await holding(make, aCredential(), [aKey()]);
    await ledger.commit(changeOf(aCredential({ auditSeq: 2 }), { keys: [aKey({ status: 'dead' })] }));
    expect((await ledger.load('billing-agent'))?.keys[0]?.status).toBe('dead');
  });

  it('refuses the key of another attempt of the same credential', async () => {
    const ledger = await holding(make, aCredential(), [aKey({ attempt: 1 })]);
    const commit = changeOf(aCredential({ auditSeq: 2 }), { keys: [aKey({ attempt: 2 })] });
    await expect(ledger.commit(commit)).rejects.toMatchObject({ name: 'LedgerChanged' });
  });

  it('takes the same key id at another issuer for another key', async () => {
    const ledger = await holding(make, aCredential(), [aKey({ issuer: 'openai' })]);
    const keys = [aKey({ issuer: 'stripe', generation: 2 })];
    await ledger.commit(changeOf(aCredential({ auditSeq: 2 }), { keys }));
    expect((await ledger.claim('openai', aKey().keyId))?.generation).toBe(1);
    expect((await ledger.claim('stripe', aKey().keyId))?.generation).toBe(2);
  });
}

function leases(make: Make): void {
  const rotation = aRotation();
  const ref = refOf(rotation);
  const leaseIn = async (ledger: Ledger) =>
    (await ledger.load(ref.credentialId, ref.rotationId))?.rotation?.lease;

  it('gives the lease to one request, and to no other before it has run out', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    expect(await leaseIn(ledger)).toEqual(aLease());
    await expect(ledger.takeLease(ref, theirs, aLease().until)).rejects.toMatchObject({ name: 'StepBusy' });
    expect(await leaseIn(ledger)).toEqual(aLease());
  });

  it('gives it to one of several requests at the same time', async () => {
    const { ledger } = await rotating(make, rotation);
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((requestId) => ledger.takeLease(ref, aLease({ requestId }), someTime)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('gives a lease that has run out to the next request', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    await ledger.takeLease(ref, theirs, plus(aLease().until, 0.001));
    expect(await leaseIn(ledger)).toEqual(theirs);
  });

  it('lets the same request take it again, for longer', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    const longer = aLease({ until: plus(aLease().until, 60) });
    await ledger.takeLease(ref, longer, someTime);
    expect(await leaseIn(ledger)).toEqual(longer);
  });

  it('is free again once it has been given back', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    await ledger.dropLease(ref, aLease().requestId);
    expect(await leaseIn(ledger)).toBeNull();
    await ledger.takeLease(ref, theirs, someTime);
  });

  it('is not given back by anybody but its holder', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    await ledger.dropLease(ref, theirs.requestId);
    expect(await leaseIn(ledger)).toEqual(aLease());
  });

  it('is not given to a run that was superseded, nor for a rotation that does not exist', async () => {
    const { ledger } = await rotating(make, aRotation({ run: 2 }));
    const superseded = { name: 'Superseded' };
    await expect(ledger.takeLease({ ...ref, run: 1 }, aLease(), someTime)).rejects.toMatchObject(superseded);
    await expect(
      ledger.takeLease({ ...ref, rotationId: 'nowhere' }, aLease(), someTime),
    ).rejects.toMatchObject(superseded);
    await ledger.dropLease({ ...ref, rotationId: 'nowhere' }, 'request-1');
  });

  it('does not move the audit sequence', async () => {
    const { ledger, credential } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    await ledger.commit(changeOf(credential, { rotation: { ...rotation, lease: aLease() }, run: 1 }));
    expect(await ledger.audit('billing-agent')).toHaveLength(3);
  });

  it('is kept by a commit of its holder, and given back by one without it', async () => {
    const { ledger, credential } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    const kept = changeOf(credential, { rotation: { ...rotation, lease: aLease() }, run: 1 });
    await ledger.commit(kept);
    expect(await leaseIn(ledger)).toEqual(aLease());
    await ledger.commit(changeOf(kept.credential, { rotation, run: 1 }));
    expect(await leaseIn(ledger)).toBeNull();
  });

  it('is not taken away by a commit of somebody who has lost it', async () => {
    const { ledger, credential } = await rotating(make, rotation);
    await ledger.takeLease(ref, aLease(), someTime);
    await ledger.takeLease(ref, theirs, plus(aLease().until, 1));
    const late = changeOf(credential, { rotation: { ...rotation, lease: aLease() }, run: 1 });
    await expect(ledger.commit(late)).rejects.toMatchObject({ name: 'LedgerChanged' });
    expect(await leaseIn(ledger)).toEqual(theirs);
  });
}

const theirs = aLease({ requestId: 'request-2', until: '2026-03-02T09:00:00.000Z' });

function notes(make: Make): void {
  const rotation = aRotation({ at: 'grace' });
  const ref = refOf(rotation);

  it('changes the noted fields and nothing else', async () => {
    const { ledger } = await rotating(make, rotation);
    const verdict = {
      outcome: 'drained',
      reason: 'everyone is on the new key',
      consumers: [],
      heldBy: [],
    } as const;
    const note = { checks: 4, verdict, expectedBy: plus(someTime, 7200) };
    await ledger.note(ref, note);
    const loaded = await ledger.load(ref.credentialId, ref.rotationId);
    expect(loaded?.rotation).toEqual({ ...rotation, ...note });
  });

  it('does not move the audit sequence', async () => {
    const { ledger, credential } = await rotating(make, rotation);
    await ledger.note(ref, { checks: 1 });
    await ledger.commit(changeOf(credential, { rotation, run: 1 }));
    expect(await ledger.audit('billing-agent')).toHaveLength(3);
  });

  it('accepts a note with nothing in it', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.note(ref, {});
    expect((await ledger.load(ref.credentialId, ref.rotationId))?.rotation).toEqual(rotation);
  });

  it('takes none from a run that was superseded, nor for a rotation that does not exist', async () => {
    const { ledger } = await rotating(make, aRotation({ at: 'grace', run: 2 }));
    const superseded = { name: 'Superseded' };
    await expect(ledger.note({ ...ref, run: 1 }, { checks: 9 })).rejects.toMatchObject(superseded);
    await expect(ledger.note({ ...ref, rotationId: 'nowhere' }, {})).rejects.toMatchObject(superseded);
    expect(await ledger.rotations('billing-agent')).toEqual([aRotation({ at: 'grace', run: 2 })]);
  });
}

function outboxes(make: Make): void {
  const outbox = [1, 2, 2, 3].map((seq) => anAnnouncement({ seq }));
  const rotation = aRotation({ outbox });
  const ref = refOf(rotation);
  const left = async (ledger: Ledger): Promise<readonly number[] | undefined> =>
    (await ledger.load(ref.credentialId, ref.rotationId))?.rotation?.outbox.map(({ seq }) => seq);

  it('strikes what has been announced, and keeps what is newer', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.announced(ref, 2);
    expect(await left(ledger)).toEqual([3]);
  });

  it('does nothing the second time', async () => {
    const { ledger } = await rotating(make, rotation);
    await ledger.announced(ref, 2);
    await ledger.announced(ref, 2);
    await ledger.announced(ref, 3);
    expect(await left(ledger)).toEqual([]);
  });

  it('does not move the audit sequence', async () => {
    const { ledger, credential } = await rotating(make, rotation);
    await ledger.announced(ref, 3);
    await ledger.commit(changeOf(credential));
    expect(await left(ledger)).toEqual([]);
  });

  it('strikes nothing for a run that was superseded', async () => {
    const { ledger } = await rotating(make, { ...rotation, run: 2 });
    await expect(ledger.announced(ref, 3)).rejects.toMatchObject({ name: 'Superseded' });
    expect(await left(ledger)).toEqual([1, 2, 2, 3]);
  });
}

function dues(make: Make): void {
  const due = (id: string, seconds: number): Credential =>
    aCredential({ id, dueAt: plus(someTime, seconds) });
  const withDue = async (...credentials: readonly Credential[]): Promise<Ledger> => {
    const ledger = await make();
    for (const credential of credentials) await ledger.commit(registrationOf(credential));
    return ledger;
  };
  const ids = (credentials: readonly Credential[]): readonly string[] => credentials.map(({ id }) => id);

  it('lists credentials whose time has come, earliest first', async () => {
    const ledger = await withDue(
      due('third', 0),
      due('first', -3600),
      due('second', -60),
      due('later', 0.001),
    );
    expect(ids(await ledger.due(someTime, 10))).toEqual(['first', 'second', 'third']);
  });

  it('gives them back as they were written', async () => {
    const ledger = await withDue(due('first', -3600));
    expect(await ledger.due(someTime, 10)).toEqual([due('first', -3600)]);
  });

  it('stops at the limit', async () => {
    const many = Array.from({ length: 20 }, (_, n) => due(`agent-${n}`, -n));
    const ledger = await withDue(...many);
    expect(ids(await ledger.due(someTime, 3))).toEqual(['agent-19', 'agent-18', 'agent-17']);
  });

  it('never lists a credential that nothing is due for', async () => {
    const ledger = await withDue(aCredential({ dueAt: null }));
    expect(await ledger.due('9999-12-31T23:59:59.999Z', 10)).toEqual([]);
  });

  it('follows a credential whose time is moved or taken away', async () => {
    const ledger = await withDue(due('moved', -1), due('taken', -1));
    await ledger.commit(changeOf(due('moved', -1), { credential: { dueAt: plus(someTime, 60) } }));
    await ledger.commit(changeOf(due('taken', -1), { credential: { dueAt: null } }));
    expect(await ledger.due(someTime, 10)).toEqual([]);
    expect(ids(await ledger.due(plus(someTime, 60), 10))).toEqual(['moved']);
  });

  it('lists no rotation, however late it is', async () => {
    const { ledger } = await rotating(make, aRotation({ expectedBy: plus(someTime, -3600) }), {
      dueAt: null,
    });
    expect(await ledger.due(someTime, 10)).toEqual([]);
  });
}

function aKeyOf(generation: number, attempt: number) {
  return aKey({ generation, attempt, keyId: `key_${generation}_${attempt}` });
}

/** A ledger with this credential, and these keys in a second commit. */
async function holding(make: Make, credential: Credential, keys?: Commit['keys']): Promise<Ledger> {
  const ledger = await make();
  await ledger.commit(registrationOf(credential));
  if (keys) await ledger.commit(changeOf(credential, { keys }));
  return ledger;
}

/** A ledger with this rotation, and its credential as it was read afterwards. */
async function rotating(make: Make, rotation: Rotation, fields: Partial<Credential> = {}) {
  const ledger = await holding(make, aCredential(fields));
  const { credential } = await committed(ledger, changeOf(aCredential(fields), { rotation }));
  return { ledger, credential };
}

async function committed(ledger: Ledger, commit: Commit): Promise<Commit> {
  await ledger.commit(commit);
  return commit;
}

const changed = async (ledger: Ledger, credential: Credential): Promise<Credential> =>
  (await committed(ledger, changeOf(credential))).credential;

/** All that can be read of the two credentials in the tests of refusals. */
const everything = (ledger: Ledger) =>
  Promise.all([
    ledger.credentials(),
    ...['billing-agent', 'search-agent', 'nobody'].flatMap((id) => [
      ledger.load(id, aRotation().rotationId),
      ledger.rotations(id),
      ledger.audit(id),
    ]),
    ...['key_1_1', 'key_of_search_agent', aKey().keyId].map((keyId) => ledger.claim('openai', keyId)),
  ]);
