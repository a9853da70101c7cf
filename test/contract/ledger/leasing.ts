/** The ledger contract: one invocation at a time. */
import { expect, it } from 'vitest';
import type { Ledger } from '../../../lib/rotation/ports.ts';
import { plus } from '../../../lib/usage/instant.ts';
import { aLease, aRotation, refOf, someTime } from '../../support/builders.ts';
import { changeOf } from '../../support/commits.ts';
import { type Make, rotating } from './filled-ledgers.ts';

const theirs = aLease({ requestId: 'request-2', until: '2026-03-02T09:00:00.000Z' });

export function leases(make: Make): void {
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
