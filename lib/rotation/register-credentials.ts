/** Register credentials: brings the ledger to what keyturn.yaml declares, at every deploy. */
import { inParallel } from '../usage/in-parallel.ts';
import type { Instant } from '../usage/instant.ts';
import { canonicalJson } from './audit.ts';
import { changeCredential, unlessChanged } from './change-credential.ts';
import type { Credential, Declaration } from './credential.ts';
import { dueAfter, dueAfterAdoption, failuresUntilFailing } from './due.ts';
import { InvalidInput } from './errors.ts';
import type { LedgerView, Ports } from './ports.ts';
import { resolveSenders, type Senders } from './senders.ts';
import { checkWithinReach } from './within-reach.ts';

type RegisterPorts = Pick<
  Ports,
  'ledger' | 'issuerBlocks' | 'targetBlocks' | 'installation' | 'roles' | 'clock' | 'digests'
>;

/** What keyturn.yaml declares, checked, by name. */
export interface Registration {
  readonly issuers: Readonly<Record<string, unknown>>;
  readonly targets: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, Declaration>>;
  /** Whose keys each issuer block makes. */
  readonly accounts: Readonly<Record<string, string>>;
  /** What names of secrets begin with that keyturn may touch. */
  readonly prefixes: readonly string[];
}

interface Outcomes {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** No longer declared: their last key drains, then it is revoked. */
  readonly removed: number;
  /** Declared again. */
  readonly restored: number;
}

type Outcome = keyof Outcomes;

export interface RegistrationCounts extends Outcomes {
  /** Consumers whose declared role has no id that is known: their reports count as a stranger's, as use only. */
  readonly unresolved: number;
}

interface Registered extends RegistrationCounts {
  readonly installationId: string;
  /** A line for each role that IAM could not be asked for, or does not know; at most twenty. */
  readonly roleTroubles: readonly string[];
}

/** What every credential of a registration is written with. */
interface Around {
  readonly ports: RegisterPorts;
  readonly installationId: string;
  readonly senders: Senders;
}

/** Credentials that are written at the same time: a new table takes 4,000 writes a second, each makes about six. */
const atOnce = 32;

/** More mistakes or troubles than this are counted: CloudFormation shows a few lines. */
const namedAtMost = 20;

/**
 * New credentials become due at once; changed ones keep their history and get the new declaration; those that are no
 * longer declared retire; those that are declared again go on, or begin anew if their last key is dead. Each
 * learns the ids of the roles that its consumers report as; a role without one keeps no deploy from succeeding.
 *
 * Run twice, the second time finds everything as it is, and writes nothing.
 *
 * @throws InvalidInput before anything is written when a live key would be out of reach: its issuer block is gone, or
 * stands for another account, or its secret is outside all prefixes; after all others are written, naming those that
 * could not be.
 */
export async function registerCredentials(
  ports: RegisterPorts,
  registration: Registration,
): Promise<Registered> {
  const { issuers, targets, credentials } = registration;
  const installationId = await ports.installation.ensure(ports.digests.randomUuid());
  const known = new Map((await ports.ledger.credentials()).map((credential) => [credential.id, credential]));
  await checkWithinReach(ports, known, registration);
  for (const [name, block] of Object.entries(issuers)) await ports.issuerBlocks.put(name, block);
  for (const [name, block] of Object.entries(targets)) await ports.targetBlocks.put(name, block);
  const senders = await resolveSenders(ports, credentials);
  const around = { ports, installationId, senders };
  const counts = { added: 0, changed: 0, unchanged: 0, removed: 0, restored: 0 };
  const mistakes: string[] = [];
  const ids = new Set([...known.keys(), ...Object.keys(credentials)]);
  await inParallel(ids, atOnce, async (id) => {
    try {
      const outcome = await register(around, id, known.get(id), credentials[id]);
      if (outcome) counts[outcome] += 1;
    } catch (error) {
      mistakes.push(error instanceof Error ? error.message : String(error));
    }
  });
  if (mistakes.length > 0) throw inWords(mistakes, ids.size);
  const unresolved = Object.entries(credentials)
    .flatMap(([id, declaration]) => Object.values(senders.of(declaration, known.get(id))))
    .filter((roleId) => roleId === null).length;
  return { ...counts, unresolved, installationId, roleTroubles: shortened(senders.troubles) };
}

/** @returns nothing for what was removed before, and still is. */
async function register(
  around: Around,
  id: string,
  known: Credential | undefined,
  declared: Declaration | undefined,
): Promise<Outcome | undefined> {
  const { ports } = around;
  return unlessChanged(ports, async (isAgain) => {
    const credential = isAgain ? (await ports.ledger.load(id))?.credential : known;
    if (!declared) return credential && remove(ports, credential);
    if (!credential) return add(around, id, declared);
    return update(around, credential, declared);
  });
}

async function add(
  { ports, installationId, senders }: Around,
  id: string,
  declaration: Declaration,
): Promise<Outcome> {
  const credential = fresh(installationId, id, declaration, ports.clock.now());
  const fields = { declaration, ...changedSenders(credential, senders.of(declaration, undefined)) };
  await changeCredential(ports, credential, { actor, what: 'registered', fields });
  return 'added';
}

async function update(
  { ports, senders }: Around,
  credential: Credential,
  declaration: Declaration,
): Promise<Outcome> {
  const isSame = canonicalJson(credential.declaration) === canonicalJson(declaration);
  const changed = changedSenders(credential, senders.of(declaration, credential));
  if (isSame && !credential.removedAt) {
    if (!changed) return 'unchanged';
    await changeCredential(ports, credential, { actor, what: 'sendersChanged', fields: changed });
    return 'changed';
  }
  checkChange(credential, declaration);
  const fields = {
    declaration,
    ...changed,
    removedAt: null,
    ...(await whenNext(ports, credential, declaration)),
    // In another secret there is no version of ours yet; in the same one the dead key's is where AWSCURRENT is.
    ...(credential.declaration.secret.name !== declaration.secret.name && { currentVersionId: null }),
  };
  const what = credential.removedAt ? 'declaredAgain' : 'declarationChanged';
  await changeCredential(ports, credential, { actor, what, fields });
  return credential.removedAt ? 'restored' : 'changed';
}

/** Only what differs is written, and stands in the audit trail. */
const changedSenders = (
  { senders: before }: Credential,
  senders: Credential['senders'],
): Pick<Credential, 'senders'> | undefined =>
  canonicalJson(before) === canonicalJson(senders) ? undefined : { senders };

/** What a new declaration means for the next rotation; one that is under way sets its own end. */
async function whenNext(
  { ledger, clock }: RegisterPorts,
  { id, activeRotation, status, currentGeneration, lastPromotedAt, failures, dueAt }: Credential,
  { policy }: Declaration,
): Promise<Partial<Pick<Credential, 'status' | 'dueAt'>>> {
  if (activeRotation) return {};
  const now = clock.now();
  // A person looks, then asks: a deploy is no answer.
  if (status === 'blocked') return { dueAt: null };
  if (currentGeneration === 0) return { status: 'new', dueAt: now };
  if (status !== 'active' && status !== 'retiring') return { dueAt };
  if (failures > 0) return { status: failures < failuresUntilFailing ? 'active' : 'failing', dueAt };
  const key = currentKey(await ledger.load(id));
  if (!key) return { dueAt };
  const next = lastPromotedAt
    ? dueAfter(policy, key, lastPromotedAt)
    : dueAfterAdoption(policy, key, key.lastProbedAt ?? now);
  return { status: 'active', dueAt: next };
}

const currentKey = (view: LedgerView | undefined) => view?.keys.find(({ status }) => status === 'current');

/** Its last key is still in use: a run of its own lets it drain. Without a key there is nothing to wait for. */
async function remove(ports: RegisterPorts, credential: Credential): Promise<Outcome | undefined> {
  if (credential.removedAt) return undefined;
  const now = ports.clock.now();
  const fields = { removedAt: now, ...whatEnds(credential, now) };
  await changeCredential(ports, credential, { actor, what: 'removed', fields });
  return 'removed';
}

/** A rotation that is under way sees to it at its end; a blocked one stays known as that until its retirement begins. */
function whatEnds(
  { activeRotation, currentGeneration, status }: Credential,
  now: Instant,
): Partial<Pick<Credential, 'status' | 'dueAt'>> {
  if (activeRotation) return {};
  if (currentGeneration === 0) return { status: 'retired', dueAt: null };
  return { status: status === 'blocked' ? status : 'retiring', dueAt: now };
}

/**
 * A key belongs to the issuer that made it and is read where it was put: both stay while there is one.
 * @throws InvalidInput
 */
function checkChange(
  { id, activeRotation, currentGeneration, declaration: before }: Credential,
  after: Declaration,
): void {
  if (currentGeneration === 0 && !activeRotation) return;
  const moved = [
    ...(before.issuer === after.issuer ? [] : [`issuer from "${before.issuer}" to "${after.issuer}"`]),
    ...(before.account && after.account && before.account !== after.account
      ? [`issuer's account from ${before.account} to ${after.account}`]
      : []),
    ...(before.secret.kmsKeyArn === after.secret.kmsKeyArn
      ? []
      : [
          `secret's KMS key from ${before.secret.kmsKeyArn ?? "the stack's"} to ${after.secret.kmsKeyArn ?? "the stack's"}`,
        ]),
    ...(hasMoved(before, after) ? [`secret from ${placeOf(before)} to ${placeOf(after)}`] : []),
    ...(after.adopt && before.adopt?.keyId !== after.adopt.keyId ? [`adopt to "${after.adopt.keyId}"`] : []),
  ];
  if (moved.length === 0) return;
  if (currentGeneration === 0) {
    throw new InvalidInput(
      `credential "${id}" is getting its first key, in rotation ${activeRotation}, so it cannot change its ${moved.join(' and its ')} now: deploy again when that has ended`,
    );
  }
  throw new InvalidInput(
    `credential "${id}" has keys, so it cannot change its ${moved.join(' and its ')}: put it back, or declare a credential of another name`,
  );
}

const placeOf = ({ secret }: Declaration): string =>
  secret.format === 'json' ? `${secret.name} (field ${secret.fields.secret})` : `${secret.name} (text)`;

const hasMoved = (before: Declaration, after: Declaration): boolean => placeOf(before) !== placeOf(after);

function fresh(installationId: string, id: string, declaration: Declaration, now: Instant): Credential {
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
    dueAt: now,
    pause: null,
    mustChangeBy: null,
    failures: 0,
    senders: {},
    removedAt: null,
    auditSeq: 0,
    auditHash: '',
  };
}

const actor = 'registration';

function inWords(mistakes: readonly string[], of: number): InvalidInput {
  const lines = shortened(mistakes).map((line) => `- ${line}`);
  const heading = `${mistakes.length} of ${of} credentials could not be registered, all others are:`;
  return new InvalidInput([heading, ...lines].join('\n'));
}

function shortened(lines: readonly string[]): readonly string[] {
  const rest = lines.length - namedAtMost;
  return rest > 0 ? [...lines.slice(0, namedAtMost), `and ${rest} more`] : lines;
}
