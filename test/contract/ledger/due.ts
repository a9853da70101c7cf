/** The ledger contract: what the sweep finds. */
import { expect, it } from 'vitest';
import type { Credential } from '../../../lib/rotation/credential.ts';
import type { Ledger } from '../../../lib/rotation/ports.ts';
import { plus } from '../../../lib/usage/instant.ts';
import { aCredential, aRotation, someTime } from '../../support/builders.ts';
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

  it('lists no rotation, however late it is', async () => {
    const { ledger } = await rotating(make, aRotation({ expectedBy: plus(someTime, -3600) }), {
      dueAt: null,
    });
    expect(await ledger.due(someTime, 10)).toEqual([]);
  });
}
