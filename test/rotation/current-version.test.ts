/** Where AWSCURRENT may be when keyturn comes to a secret. */
import { describe, expect, test } from 'vitest';
import { SecretChangedOutside } from '../../lib/rotation/errors.ts';
import { placeholderIdOf } from '../../lib/rotation/ids.ts';
import { memorySecretStore } from '../fakes/memory-secret-store.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import type { World } from '../support/world.ts';
import { aWorldWithKey, leave, versionByHand } from './scenarios.ts';

/** A world whose credential has retired, and whose secret somebody has then deleted. */
async function retiredWithoutSecret() {
  const world = await aWorldWithKey();
  await world.redeploy('without it');
  await runWorkflow(world, await world.nextRotation(), { meanwhile: leave });
  expect((await world.view()).credential.status).toBe('retired');
  const secrets = memorySecretStore();
  const anew: World = { ...world, secrets, ports: (invoked) => ({ ...world.ports(invoked), secrets }) };
  await anew.redeploy({});
  return { world: anew, secrets };
}

const recreate = async ({ ports, secretName, credentialId }: World, token: string): Promise<void> =>
  ports().secrets.create({ name: secretName, token, placeholder: '{}', credentialId });

describe('a retired credential whose secret was deleted, and that is declared again', () => {
  test('gets a key in a secret that keyturn makes anew', async () => {
    const { world, secrets } = await retiredWithoutSecret();
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
    const { currentVersionId } = (await world.view()).credential;
    expect((await secrets.versions(world.secretName))?.get(currentVersionId ?? '')).toContain('AWSCURRENT');
  });

  test('gets a key in a secret that was made again with the placeholder', async () => {
    const { world } = await retiredWithoutSecret();
    const { credential } = await world.view();
    await recreate(world, placeholderIdOf(world.ports().digests, credential));
    const ref = await world.nextRotation();
    await runWorkflow(world, ref);
    expect(await world.rotation(ref)).toMatchObject({ phase: 'completed' });
  });

  test('gets none in a secret that somebody else has made: it may be in use', async () => {
    const { world } = await retiredWithoutSecret();
    await recreate(world, versionByHand);
    const ref = await world.nextRotation();
    const run = await runWorkflow(world, ref);
    expect(run.errors).toContainEqual(expect.any(SecretChangedOutside));
    expect(await world.rotation(ref)).toMatchObject({ phase: 'abandoned' });
    expect(world.issuer.liveKeys()).toEqual([]);
  });
});
