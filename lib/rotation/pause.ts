/** Pause: no rotation of a credential starts until somebody resumes it; what runs goes on to its end. */
import { changeCredential, unlessChanged } from './change-credential.ts';
import type { Credential } from './credential.ts';
import { InvalidInput } from './errors.ts';
import type { Ports } from './ports.ts';

type PausePorts = Pick<Ports, 'ledger' | 'clock' | 'digests'>;

export interface PauseAnswer {
  /** False when it was so already. */
  readonly changed: boolean;
  /** As it is now: it names who has paused it, and a rotation that goes on. */
  readonly credential: Credential;
}

/**
 * Writes who wants no new rotation, and why. The sweep then passes the credential by, and requests are refused.
 *
 * Run twice, the first pause stays as it is, with its reason.
 *
 * @throws InvalidInput for an unknown credential; LedgerChanged when a rotation keeps changing its row.
 */
export function pause(
  ports: PausePorts,
  {
    credentialId,
    by,
    reason,
  }: { readonly credentialId: string; readonly by: string; readonly reason: string },
): Promise<PauseAnswer> {
  return unlessChanged(ports, async () => {
    const credential = await known(ports, credentialId);
    if (credential.pause) return { changed: false, credential };
    const fields = { pause: { at: ports.clock.now(), by, reason } };
    await changeCredential(ports, credential, { actor: by, what: 'paused', fields });
    return { changed: true, credential: { ...credential, ...fields } };
  });
}

/**
 * Takes the pause back: what is due by then starts within the next minutes.
 *
 * Run twice, the second time finds nothing to take back.
 *
 * @throws InvalidInput for an unknown credential; LedgerChanged when a rotation keeps changing its row.
 */
export function unpause(
  ports: PausePorts,
  { credentialId, by }: { readonly credentialId: string; readonly by: string },
): Promise<PauseAnswer> {
  return unlessChanged(ports, async () => {
    const credential = await known(ports, credentialId);
    if (!credential.pause) return { changed: false, credential };
    const fields = { pause: null };
    await changeCredential(ports, credential, { actor: by, what: 'unpaused', fields });
    return { changed: true, credential: { ...credential, ...fields } };
  });
}

async function known({ ledger }: Pick<Ports, 'ledger'>, credentialId: string): Promise<Credential> {
  const view = await ledger.load(credentialId);
  if (view) return view.credential;
  throw new InvalidInput(
    `credential "${credentialId}" is not registered: check its name with "keyturn status", or add it to keyturn.yaml and deploy`,
  );
}
