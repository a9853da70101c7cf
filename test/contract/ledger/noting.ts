/** The ledger contract: what changes without an audit record. */
import { expect, it } from 'vitest';
import type { Ledger } from '../../../lib/rotation/ports.ts';
import { plus } from '../../../lib/usage/instant.ts';
import { anAnnouncement, aRotation, refOf, someTime } from '../../support/builders.ts';
import { changeOf } from '../../support/commits.ts';
import { type Make, rotating } from './filled-ledgers.ts';

export function notes(make: Make): void {
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

export function outboxes(make: Make): void {
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
