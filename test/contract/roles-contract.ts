/** What every keeper of roles does. */
import { describe, expect, it } from 'vitest';
import type { Roles } from '../../lib/rotation/ports.ts';

/** An account in which roles can be made. */
export interface RolesUnderTest {
  readonly roles: Roles;
  /** Twelve digits. */
  readonly account: string;
  /** @returns the unique id that the role got. */
  make(arn: string): Promise<string>;
  delete(arn: string): Promise<void>;
}

/** @param start an account without roles of these names, for each test. */
export function rolesContract(name: string, start: () => Promise<RolesUnderTest>): void {
  const roleIn = ({ account }: RolesUnderTest, path: string) => `arn:aws:iam::${account}:role/${path}`;

  describe(`${name} as roles`, () => {
    it('know the id of a role, with a path too', async () => {
      const world = await start();
      for (const arn of [roleIn(world, 'api'), roleIn(world, 'team/billing/mailer')]) {
        const id = await world.make(arn);
        expect(id).toMatch(/^AROA\w+$/);
        expect(await world.roles.idOf(arn)).toBe(id);
        await world.delete(arn);
      }
    });

    it('know no id of a role that is not there, or no longer', async () => {
      const world = await start();
      const arn = roleIn(world, 'gone');
      expect(await world.roles.idOf(arn)).toBeNull();
      await world.make(arn);
      await world.delete(arn);
      expect(await world.roles.idOf(arn)).toBeNull();
    });

    it('take a role of the same name for no other: neither under another path nor of another account', async () => {
      const world = await start();
      const arn = roleIn(world, 'team/api');
      await world.make(arn);
      expect(await world.roles.idOf(roleIn(world, 'api'))).toBeNull();
      expect(await world.roles.idOf('arn:aws:iam::999999999999:role/team/api')).toBeNull();
      await world.delete(arn);
    });

    it('tell a role that was made anew from the one before', async () => {
      const world = await start();
      const arn = roleIn(world, 'anew');
      const before = await world.make(arn);
      await world.delete(arn);
      const after = await world.make(arn);
      expect(after).not.toBe(before);
      expect(await world.roles.idOf(arn)).toBe(after);
      await world.delete(arn);
    });
  });
}
