/** Issue key: makes the new key at the issuer and stores its value, so that a crash anywhere leaves no stray key. */
import { plus } from '../usage/instant.ts';
import { checkCurrent } from './current-version.ts';
import { AttemptsExhausted, UnknownKeyFound } from './errors.ts';
import { labelOf, placeholderIdOf, stageOf } from './ids.ts';
import type { Key } from './key.ts';
import {
  aloneUnlessNamed,
  block,
  condemn,
  condemnOrphan,
  findLostKeys,
  hasOpenIntent,
  maxAttempts,
  orphanFound,
} from './lost-keys.ts';
import type { CreatedKey, Issuer, Ports, RotationRef } from './ports.ts';
import { placeholderText, writeSecret } from './secret-format.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { keyOfAttempt } from './turn-state.ts';

type IssuePorts = TurnPorts & Pick<Ports, 'issuers' | 'issuerLocks' | 'secrets' | 'metrics'>;

/**
 * 1. Takes the next attempt: a write that says what is about to be asked, with the ids that the issuer lists.
 * 2. Creates the key and writes its id and fingerprint: `minted`.
 * 3. Puts the value under the attempt's version id and writes `stored`.
 *
 * Run again after a death: `stored` → nothing to do; `minted` with a stored value → goes on; `minted` without one →
 * the value is lost, the key is condemned; only an intent → looks for the key in the issuer's list, condemns it when
 * found, else takes the next attempt. It never revokes: making and killing keys are different roles.
 *
 * @throws OrphanFound when a key was condemned; UnknownKeyFound after the rotation ended `blocked`;
 * AttemptsExhausted; IssuerRejected; IssuerUnavailable; StepBusy while a lost key may still show up.
 */
export async function issueKey(ports: IssuePorts, ref: RotationRef): Promise<{ readonly keyId: string }> {
  return takeTurn(ports, 'issueKey', ref, async (turn) => {
    const { rotation } = turn;
    if (rotation.condemned) throw orphanFound(rotation);
    if (rotation.phase === 'blocked') throw new UnknownKeyFound(rotation.reason);
    if (rotation.phase === 'issuing') await issue(ports, turn);
    return { keyId: keyOf(turn)?.keyId ?? '' };
  });
}

/** The key of the attempt under way. */
const keyOf = ({ keys, rotation }: Turn): Key | undefined =>
  keys.find((key) => key.generation === rotation.generation && key.attempt === rotation.attempt);

async function issue(ports: IssuePorts, turn: Turn): Promise<void> {
  const issuer = await ports.issuers.connect(turn.credential.declaration.issuer);
  const key = keyOf(turn);
  if (key?.status === 'minted') return finishMinted(ports, turn, key);
  if (hasOpenIntent(turn)) await searchLost(ports, turn, issuer);
  await mint(ports, turn, issuer);
}

/** An earlier run knew the key's id: the value is either in the store, or lost for ever. */
async function finishMinted(ports: IssuePorts, turn: Turn, key: Key): Promise<void> {
  const versions = await ports.secrets.versions(turn.credential.declaration.secret.name);
  if (!versions?.has(key.versionId)) {
    await condemn(turn, { ...key, status: 'orphaned' });
    throw orphanFound(turn.rotation);
  }
  await turn.record({ name: 'keyStored' }, { keys: [{ ...key, status: 'stored' }] });
}

/** An earlier run asked the issuer and died: its key shows in the list once the issuer's lag has passed. */
async function searchLost(ports: IssuePorts, turn: Turn, issuer: Issuer): Promise<void> {
  const { ours, unknown } = await findLostKeys(ports, turn, issuer);
  if (ours) {
    await condemnOrphan(ports, turn, ours);
    throw orphanFound(turn.rotation);
  }
  if (unknown.length === 0) return;
  throw new UnknownKeyFound(await block(ports, turn, unknown));
}

async function mint(ports: IssuePorts, turn: Turn, issuer: Issuer): Promise<void> {
  await prepareSecret(ports, turn);
  const { created, key } = await aloneUnlessNamed(ports, turn, issuer, () => create(ports, turn, issuer));
  const { secret } = turn.credential.declaration;
  const { generation } = turn.rotation;
  const value = writeSecret(secret, { secret: created.secret, keyId: created.keyId, generation });
  await ports.secrets.put(secret.name, key.versionId, value, stageOf(generation));
  await turn.record({ name: 'keyStored' }, { keys: [{ ...key, status: 'stored' }] });
}

/** The secret is there, and as we left it, before the key is: a store that refuses us leaves no key behind. */
async function prepareSecret(ports: IssuePorts, turn: Turn): Promise<void> {
  if (turn.credential.currentGeneration === 0) await makeSecret(ports, turn);
  await checkCurrent(ports, turn);
}

/** With a placeholder, for a first key. */
async function makeSecret(ports: IssuePorts, { credential }: Turn): Promise<void> {
  const { secret } = credential.declaration;
  await ports.secrets.create({
    name: secret.name,
    ...(secret.kmsKeyArn !== undefined && { kmsKeyArn: secret.kmsKeyArn }),
    token: placeholderIdOf(ports.digests, credential),
    placeholder: placeholderText(secret),
    credentialId: credential.id,
  });
}

async function create(
  ports: IssuePorts,
  turn: Turn,
  issuer: Issuer,
): Promise<{ readonly created: CreatedKey; readonly key: Key }> {
  await takeAttempt(ports, turn, issuer);
  const { rotationId, attempt } = turn.rotation;
  const { keyTtl } = turn.credential.declaration.policy;
  const created = await issuer.create({
    label: labelOf(rotationId, attempt),
    ...(keyTtl !== undefined && { expiresAt: plus(ports.clock.now(), keyTtl) }),
  });
  const key = keyOfAttempt(ports, turn, attempt, {
    keyId: created.keyId,
    fingerprint: ports.digests.sha256(created.secret.reveal()),
    expiresAt: created.expiresAt,
    status: 'minted',
  });
  await turn.record({ name: 'keyMinted' }, { keys: [key] });
  return { created, key };
}

async function takeAttempt(ports: IssuePorts, turn: Turn, issuer: Issuer): Promise<void> {
  const attempt = turn.rotation.attempt + 1;
  if (attempt > maxAttempts) {
    throw new AttemptsExhausted(
      `${maxAttempts} keys were made for generation ${turn.rotation.generation} of ${turn.credential.id} and none could be stored`,
    );
  }
  const listed = turn.rotation.intent?.listed ?? (await idsBefore(issuer));
  await turn.record({ name: 'attemptTaken', intent: { attempt, at: ports.clock.now(), listed } });
}

/** Where keys carry our label, what was there before does not matter. */
const idsBefore = async (issuer: Issuer): Promise<readonly string[]> =>
  issuer.capabilities.list && !issuer.capabilities.named
    ? (await issuer.list()).map(({ keyId }) => keyId)
    : [];
