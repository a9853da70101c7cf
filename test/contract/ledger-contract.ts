/** What every ledger does, whatever it is made of. */
import { describe } from 'vitest';
import { claims } from './ledger/claiming.ts';
import { commits } from './ledger/committing.ts';
import { dues, overdues } from './ledger/due.ts';
import type { Make } from './ledger/filled-ledgers.ts';
import { leases } from './ledger/leasing.ts';
import { loads } from './ledger/loading.ts';
import { notes, outboxes } from './ledger/noting.ts';
import { refusals } from './ledger/refusing.ts';

/** @param make an empty ledger for each test. */
export function ledgerContract(name: string, make: Make): void {
  describe(`${name} as a ledger`, () => {
    describe('loading', () => loads(make));
    describe('committing', () => commits(make));
    describe('refusing', () => refusals(make));
    describe('claiming keys', () => claims(make));
    describe('leasing a rotation', () => leases(make));
    describe('noting', () => notes(make));
    describe('keeping an outbox', () => outboxes(make));
    describe('telling what is due', () => dues(make));
    describe('telling which rotations nobody has heard of', () => overdues(make));
  });
}
