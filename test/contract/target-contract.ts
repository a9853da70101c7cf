/** What every target does, be it a twin or a real one on a fake of its place. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Deployment, Target } from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import type { Reads } from '../../lib/targets/define-target.ts';
import { expectNoSecret } from '../support/expect-no-secret.ts';
import { failureOf } from '../support/failure-of.ts';
import { SENTINEL } from '../support/sentinel.ts';

/** `true`: no answer and no effect; `'for good'`: refuses; `'afterwards'`: the effect, but no answer. */
export type Failing = boolean | 'for good' | 'afterwards';

export interface TargetUnderTest {
  readonly target: Target;
  readonly reads: Reads;
  /** What is there now: the key where values are read, else the version's id. */
  holds(): string | undefined;
  /** All that has changed there so far: what a second deployment must not add to. No secret is in it. */
  state(): unknown;
  /** Everything that it was sent, as it was sent. */
  sent(): unknown;
  fail(failing: Failing): void;
  stop?(): Promise<void>;
}

/** The deployment of a generation. */
export function aDeployment(generation: number, onRead = () => {}): Deployment {
  const secret = `${SENTINEL}-generation-${generation}`;
  return {
    credentialId: 'billing-agent',
    rotationId: `00000000-0000-5000-8000-00000000000${generation}`,
    generation,
    keyId: `key_${generation}`,
    secretName: 'keyturn/prod/billing-agent',
    versionId: `11111111-1111-5111-8111-11111111111${generation}`,
    read: async () => {
      onRead();
      return { secret: new SecretText(secret), text: new SecretText(JSON.stringify({ apiKey: secret })) };
    },
  };
}

/** @param open starts it fresh, once for the whole kit. */
export function targetContract(name: string, open: () => Promise<TargetUnderTest>): void {
  describe(`the target contract: ${name}`, () => {
    let place: TargetUnderTest;
    let target: Target;
    beforeAll(async () => {
      place = await open();
      target = place.target;
    });
    beforeEach(() => place.fail(false));
    afterAll(async () => place?.stop?.());

    /** Compared here, so that a failing test prints no key. */
    const has = async ({ read, versionId }: Deployment): Promise<boolean> =>
      place.holds() === (place.reads === 'value' ? (await read()).secret.reveal() : versionId);

    test('a deployment brings the key there', async () => {
      const deployment = aDeployment(1);
      expect(await has(deployment)).toBe(false);
      await target.deploy(deployment);
      expect(await has(deployment)).toBe(true);
    });

    test('the next generation takes the place of the last', async () => {
      await target.deploy(aDeployment(1));
      await target.deploy(aDeployment(2));
      expect(await has(aDeployment(2))).toBe(true);
    });

    test('a deployment that is made twice has one effect', async () => {
      await target.deploy(aDeployment(3));
      const once = place.state();
      await target.deploy(aDeployment(3));
      expect(place.state()).toEqual(once);
    });

    test('a deployment whose answer was lost is made again with one effect', async () => {
      place.fail('afterwards');
      const failure = await failureOf(target.deploy(aDeployment(4)));
      expect(failure.name).toBe('TargetUnavailable');
      const once = place.state();
      place.fail(false);
      await target.deploy(aDeployment(4));
      expect(place.state()).toEqual(once);
      expect(await has(aDeployment(4))).toBe(true);
    });

    test('no answer leaves everything as it was, and the next try brings the key', async () => {
      const before = place.state();
      place.fail(true);
      const failure = await failureOf(target.deploy(aDeployment(5)));
      expect(failure.name).toBe('TargetUnavailable');
      expect(place.state()).toEqual(before);
      place.fail(false);
      await target.deploy(aDeployment(5));
      expect(await has(aDeployment(5))).toBe(true);
    });

    test('a refusal says so', async () => {
      place.fail('for good');
      const failure = await failureOf(target.deploy(aDeployment(6)));
      expect(failure.name).toBe('TargetRejected');
      expect(await has(aDeployment(6))).toBe(false);
    });

    test('a check changes nothing, and finds out what fails', async () => {
      const before = place.state();
      await target.check();
      place.fail(true);
      expect((await failureOf(target.check())).name).toBe('TargetUnavailable');
      place.fail('for good');
      expect((await failureOf(target.check())).name).toBe('TargetRejected');
      expect(place.state()).toEqual(before);
    });

    test('the key is read only where a copy is held, and sent nowhere else', async () => {
      let reads = 0;
      const countRead = (): void => {
        reads += 1;
      };
      await target.deploy(aDeployment(7, countRead));
      expect(reads).toBe(place.reads === 'value' ? 1 : 0);
      if (place.reads === 'ids') expectNoSecret(place.sent());
    });
  });
}
