/** Finds missing senders: ids of declared roles that IAM did not know when their credential was registered. */
import { inParallel } from '../usage/in-parallel.ts';
import { type Instant, plus } from '../usage/instant.ts';
import { changeCredential, unlessChanged } from './change-credential.ts';
import type { Credential } from './credential.ts';
import type { Ports } from './ports.ts';
import { questionsAtOnce } from './senders.ts';

type FindPorts = Pick<Ports, 'ledger' | 'roles' | 'clock' | 'digests' | 'invocation'>;

/** Ids by the roles' ARNs, of those that have one. */
type Ids = ReadonlyMap<string, string>;

/** Questions an hour: IAM counts the calls of a whole account. */
const mostRoles = 200;

/** Seconds before the invocation's end at which nothing more is begun: an IAM that is away takes long to fail. */
const margin = 30;

/**
 * 1. Asks IAM for each role that a credential waits for, once however many consumers name it.
 * 2. Writes the ids that it knows now. One that was known stays, even if its role was made anew since: nobody is to
 * take a consumer's voice without a registration.
 *
 * Run twice, the second time finds nothing that is missing. What there is no time for is asked in another hour.
 *
 * @param credentials as they were read; those that have changed since are read again.
 * @throws AggregateError after the last one, of what went wrong: a role that IAM does not know is not among it.
 */
export async function findMissingSenders(
  ports: FindPorts,
  credentials: readonly Credential[],
): Promise<void> {
  const failures: unknown[] = [];
  const ids = new Map<string, string>();
  await whileThereIsTime(ports, rolesToAskFor(credentials, ports.clock.now()), failures, async (arn) => {
    const id = await ports.roles.idOf(arn);
    if (id !== null) ids.set(arn, id);
  });
  const found = credentials.filter((credential) => newSenders(credential, ids).length > 0);
  await whileThereIsTime(ports, found, failures, (credential) => write(ports, credential, ids));
  if (failures.length > 0) throw new AggregateError(failures, inWords(failures));
}

/** While they stay the same, an hour begins where the last has ended: roles never made keep no others from being found. */
function rolesToAskFor(credentials: readonly Credential[], now: Instant): readonly string[] {
  const all = [...new Set(credentials.flatMap(missing).map(({ role }) => role))].sort();
  if (all.length <= mostRoles) return all;
  const hour = Math.floor(Date.parse(now) / 3_600_000);
  const from = (hour * mostRoles) % all.length;
  return [...all.slice(from), ...all.slice(0, from)].slice(0, mostRoles);
}

interface Missing {
  readonly name: string;
  readonly role: string;
}

function missing({ status, declaration, senders }: Credential): readonly Missing[] {
  // Its last key is dead: nobody will report on it.
  if (status === 'retired') return [];
  const unknown = new Set(Object.entries(senders).flatMap(([name, id]) => (id === null ? [name] : [])));
  return declaration.consumers.flatMap(({ name, role, roleId }) =>
    role === undefined || roleId !== undefined || !unknown.has(name) ? [] : [{ name, role }],
  );
}

const newSenders = (credential: Credential, ids: Ids): readonly (readonly [name: string, id: string])[] =>
  missing(credential).flatMap(({ name, role }) => {
    const id = ids.get(role);
    return id === undefined ? [] : [[name, id] as const];
  });

async function write(ports: FindPorts, seen: Credential, ids: Ids): Promise<void> {
  await unlessChanged(ports, async (isAgain) => {
    const credential = isAgain ? (await ports.ledger.load(seen.id))?.credential : seen;
    const found = credential ? newSenders(credential, ids) : [];
    if (!credential || found.length === 0) return;
    const senders = { ...credential.senders, ...Object.fromEntries(found) };
    await changeCredential(ports, credential, {
      actor: 'schedule',
      what: 'sendersChanged',
      fields: { senders },
    });
  });
}

/** One failure keeps none of the others from being tried. */
const whileThereIsTime = <T>(
  { clock, invocation }: FindPorts,
  all: readonly T[],
  failures: unknown[],
  work: (one: T) => Promise<void>,
): Promise<void> =>
  inParallel(all, questionsAtOnce, async (one) => {
    if (plus(clock.now(), margin) > invocation.deadline) return;
    await work(one).catch((error: unknown) => failures.push(error));
  });

function inWords([first, ...more]: readonly unknown[]): string {
  const why = first instanceof Error ? first.message : String(first);
  return `ids of roles are still to be found: ${why}${more.length > 0 ? `, and ${more.length} failures more` : ''}`;
}
