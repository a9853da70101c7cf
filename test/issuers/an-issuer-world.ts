/** An issuer's world in which nothing may be used that the test does not give. */
import type { IssuerWorld } from '../../lib/issuers/define-issuer.ts';
import { plus } from '../../lib/usage/instant.ts';
import { manualClock } from '../fakes/manual-clock.ts';

export function anIssuerWorld(given: Partial<IssuerWorld> = {}): IssuerWorld {
  const { clock = manualClock() } = given;
  const no = (what: string) => (): never => {
    throw new Error(`this test gives its issuer no ${what}`);
  };
  return {
    mode: 'demo',
    secret: no('admin secret'),
    fetch: no('network'),
    accessKeys: no('access keys'),
    clock,
    deadline: () => plus(clock.now(), 30),
    ...given,
  };
}
