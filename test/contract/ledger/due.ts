/** The ledger contract: what the sweep finds. */
import { expect, it } from 'vitest';
import type { Credential } from '../../../lib/rotation/credential.ts';
import type { Ledger } from '../../../lib/rotation/ports.ts';
import type { Rotation } from '../../../lib/rotation/rotation.ts';
import { plus } from '../../../lib/usage/instant.ts';
import { aCredential, aRotation, refOf, someTime } from '../../support/builders.ts';
import { changeOf, registrationOf } from '../../support/commits.ts';
import { type Make, rotating } from './filled-ledgers.ts';

export function dues(make: Make): void {
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

  it('passes a paused credential by, and lists it again once the pause is taken back', async () => {
    const pause = { at: someTime, by: 'ada', reason: 'the release' };
    const paused = { ...due('paused', -60), pause };
    const ledger = await withDue(paused, due('other', -30));
    expect(ids(await ledger.due(someTime, 10))).toEqual(['other']);
    await ledger.commit(changeOf(paused, { credential: { pause: null } }));
    expect(ids(await ledger.due(someTime, 10))).toEqual(['paused', 'other']);
  });

  it('finds those that are due behind any number of paused ones', async () => {
    const pause = { at: someTime, by: 'ada', reason: 'the release' };
    const paused = Array.from({ length: 12 }, (_, n) => ({ ...due(`paused-${n}`, -600), pause }));
    const ledger = await withDue(...paused, due('other', -30));
    expect(ids(await ledger.due(someTime, 3))).toEqual(['other']);
  });

  it('lists no rotation, however late it is', async () => {
    const { ledger } = await rotating(make, aRotation({ expectedBy: plus(someTime, -3600) }), {
      dueAt: null,
    });
    expect(await ledger.due(someTime, 10)).toEqual([]);
  });
}

/** What the sweep finds of rotations. */
export function overdues(make: Make): void {
  const late = (id: string, seconds: number): Rotation =>
    aRotation({
      at: 'grace',
      credentialId: id,
      rotationId: `rotation-of-${id}`,
      expectedBy: plus(someTime, seconds),
    });
  const withRotations = async (...rotations: readonly Rotation[]): Promise<Ledger> => {
    const ledger = await make();
    for (const rotation of rotations) {
      const credential = aCredential({ id: rotation.credentialId, dueAt: null });
      await ledger.commit(registrationOf(credential));
      await ledger.commit(changeOf(credential, { rotation }));
    }
    return ledger;
  };
  const ids = (rotations: readonly Rotation[]): readonly string[] =>
    rotations.map(({ credentialId }) => credentialId);

  it('lists rotations that were not heard of in time, earliest first', async () => {
    const ledger = await withRotations(late('b', 0), late('a', -3600), late('c', 0.001));
    expect(ids(await ledger.overdue(someTime, 10))).toEqual(['a', 'b']);
  });

  it('gives them back as they were written', async () => {
    const ledger = await withRotations(late('a', -3600));
    expect(await ledger.overdue(someTime, 10)).toEqual([late('a', -3600)]);
  });

  it('stops at the limit', async () => {
    const many = Array.from({ length: 20 }, (_, n) => late(`agent-${n}`, -n));
    const ledger = await withRotations(...many);
    expect(ids(await ledger.overdue(someTime, 3))).toEqual(['agent-19', 'agent-18', 'agent-17']);
  });

  it.each(['completed', 'abandoned', 'blocked'] as const)('never lists one that is %s', async (at) => {
    const { ledger } = await rotating(make, aRotation({ at, expectedBy: plus(someTime, -3600) }));
    expect(await ledger.overdue(someTime, 10)).toEqual([]);
  });

  it('forgets one that ends', async () => {
    const { ledger, credential } = await rotating(
      make,
      aRotation({ at: 'completing', expectedBy: someTime }),
    );
    await ledger.commit(
      changeOf(credential, { rotation: aRotation({ at: 'completed', expectedBy: someTime }), run: 1 }),
    );
    expect(await ledger.overdue(plus(someTime, 3600), 10)).toEqual([]);
  });

  it('follows one that is noted to be expected later', async () => {
    const rotation = late('a', -60);
    const ledger = await withRotations(rotation);
    await ledger.note(refOf(rotation), { expectedBy: plus(someTime, 60), resumes: 2 });
    expect(await ledger.overdue(someTime, 10)).toEqual([]);
    expect(await ledger.overdue(plus(someTime, 60), 10)).toMatchObject([{ credentialId: 'a', resumes: 2 }]);
  });

  it('lists no credential, however long it has been due', async () => {
    const ledger = await make();
    await ledger.commit(registrationOf(aCredential({ dueAt: plus(someTime, -3600) })));
    expect(await ledger.overdue(someTime, 10)).toEqual([]);
  });
}
