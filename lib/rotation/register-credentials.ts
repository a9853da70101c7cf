/** Register credentials: writes what keyturn.yaml declares to the ledger, at every deploy. */
import { canonicalJson, chain } from './audit.ts';
import type { Credential, Declaration } from './credential.ts';
import { InvalidInput, LedgerChanged } from './errors.ts';
import type { Ports } from './ports.ts';

type RegisterPorts = Pick<Ports, 'ledger' | 'issuerBlocks' | 'installation' | 'clock' | 'digests'>;

export interface Registration {
  readonly issuers: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, Declaration>>;
}

export interface RegistrationCounts {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
}

/**
 * New credentials become due at once; changed ones keep their history and get the new declaration.
 * Run twice, the second time finds everything as it is.
 */
export async function registerCredentials(
  ports: RegisterPorts,
  { issuers, credentials }: Registration,
): Promise<RegistrationCounts & { readonly installationId: string }> {
  const installationId = await ports.installation.ensure(ports.digests.randomUuid());
  for (const [name, block] of Object.entries(issuers)) await ports.issuerBlocks.put(name, block);
  const counts = { added: 0, changed: 0, unchanged: 0 };
  for (const [id, declaration] of Object.entries(credentials)) {
    counts[await register(ports, installationId, id, declaration)] += 1;
  }
  return { ...counts, installationId };
}

/** A rotation that runs meanwhile changes the same row: read again and try again, a few times. */
async function register(
  ports: RegisterPorts,
  installationId: string,
  id: string,
  declaration: Declaration,
  tries = 10,
): Promise<keyof RegistrationCounts> {
  try {
    return await registerOnce(ports, installationId, id, declaration);
  } catch (error) {
    if (!(error instanceof LedgerChanged) || tries <= 1) throw error;
    await ports.clock.sleep(0.1);
    return register(ports, installationId, id, declaration, tries - 1);
  }
}

async function registerOnce(
  ports: RegisterPorts,
  installationId: string,
  id: string,
  declaration: Declaration,
): Promise<keyof RegistrationCounts> {
  const known = (await ports.ledger.load(id))?.credential;
  if (known && canonicalJson(known.declaration) === canonicalJson(declaration)) return 'unchanged';
  if (known) checkChange(known, declaration);
  const before = known ?? fresh(ports, installationId, id, declaration);
  const audit = chain(ports.digests, before.auditHash, {
    credentialId: id,
    seq: before.auditSeq + 1,
    at: ports.clock.now(),
    actor: 'registration',
    what: known ? 'declarationChanged' : 'registered',
    rotationId: null,
    before: known ? { declaration: known.declaration } : {},
    after: { declaration },
  });
  await ports.ledger.commit({
    expected: { auditSeq: before.auditSeq, epoch: before.epoch },
    credential: { ...before, declaration, auditSeq: audit.seq, auditHash: audit.hash },
    audit,
  });
  return known ? 'changed' : 'added';
}

/**
 * A key belongs to the issuer that made it and is read where it was put: both stay while there is one.
 * @throws InvalidInput
 */
function checkChange({ id, lastGeneration, declaration: before }: Credential, after: Declaration): void {
  if (lastGeneration === 0) return;
  const place = ({ secret }: Declaration) => [
    secret.name,
    secret.format === 'json' ? secret.fields.secret : 'text',
  ];
  const moved = [
    ...(before.issuer === after.issuer ? [] : [`issuer from "${before.issuer}" to "${after.issuer}"`]),
    ...(place(before).join() === place(after).join()
      ? []
      : [`secret from ${place(before)} to ${place(after)}`]),
  ];
  if (moved.length === 0) return;
  throw new InvalidInput(
    `credential "${id}" has keys, so it cannot change its ${moved.join(' and its ')}: put it back, or declare a credential of another name`,
  );
}

function fresh(
  { clock }: Pick<RegisterPorts, 'clock'>,
  installationId: string,
  id: string,
  declaration: Declaration,
): Credential {
  return {
    id,
    installationId,
    declaration,
    status: 'new',
    epoch: 1,
    activeRotation: null,
    currentGeneration: 0,
    lastGeneration: 0,
    currentVersionId: null,
    lastPromotedAt: null,
    dueAt: clock.now(),
    pause: null,
    failures: 0,
    removedAt: null,
    auditSeq: 0,
    auditHash: '',
  };
}
