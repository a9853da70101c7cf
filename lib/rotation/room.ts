/** Whether the issuer has room for one key more, before one is asked for. */
import { IssuerRejected } from './errors.ts';
import { blocking } from './lost-keys.ts';
import type { ListedKey, Ports } from './ports.ts';
import { recordChange } from './record-change.ts';
import type { TurnState } from './turn-state.ts';

type RoomPorts = Pick<Ports, 'ledger' | 'issuers' | 'clock' | 'digests' | 'metrics'>;

/**
 * Foreign and inactive keys count as the issuer counts them: it lists them all. Those of other credentials pass when
 * their rotations end; the others only a person can judge.
 * @throws IssuerRejected when keyturn's own keys fill the place: abandoned, and tried again later.
 */
export async function withRoom(ports: RoomPorts, state: TurnState): Promise<TurnState> {
  const { credential, rotation } = state;
  if (rotation.phase !== 'issuing' || rotation.attempt > 0) return state;
  const { issuer: name } = credential.declaration;
  const issuer = await ports.issuers.connect(name);
  const { list, maxLiveKeys } = issuer.capabilities;
  const listed = list ? await issuer.list() : [];
  if (listed.length < maxLiveKeys) return state;
  const full = `issuer ${name} allows ${maxLiveKeys} keys and lists ${listed.length} already`;
  const keyIds = await foreignAmong(ports, state, listed);
  if (keyIds.length === 0) {
    throw new IssuerRejected(
      `${full}, all of them keyturn's: there is room again when other rotations have ended`,
    );
  }
  const reason = `${full}, of them not keyturn's: ${keyIds.join(', ')}. keyturn deletes none of them: remove there what nobody needs, then ask for a rotation again`;
  const now = ports.clock.now();
  const alongside = blocking(credential, { keyIds, reason, now });
  const blocked = await recordChange(
    ports,
    'step begin',
    state,
    { name: 'blocked', at: now, reason },
    alongside,
  );
  ports.metrics.count('CredentialBlocked', { credential: credential.id });
  return blocked;
}

async function foreignAmong(
  { ledger }: RoomPorts,
  { credential, keys }: TurnState,
  listed: readonly ListedKey[],
): Promise<readonly string[]> {
  const own = new Set(keys.map(({ keyId }) => keyId));
  const foreign: string[] = [];
  for (const { keyId } of listed) {
    if (own.has(keyId)) continue;
    if (!(await ledger.claim(credential.declaration.issuer, keyId))) foreign.push(keyId);
  }
  return foreign;
}
