/** Who speaks for a consumer: the ids of the roles that keyturn.yaml declares, as AWS puts them on what they send. */
import { inParallel } from '../usage/in-parallel.ts';
import { plus, type Seconds } from '../usage/instant.ts';
import type { Consumer } from '../usage/presence.ts';
import type { Credential, Declaration } from './credential.ts';
import type { Ports } from './ports.ts';

/** What IAM says of a role: its id, null for none of this ARN, or why it did not say. */
type Answer = { readonly id: string | null } | { readonly failure: string };

/** By the roles' ARNs. */
type Answers = ReadonlyMap<string, Answer>;

type Declarations = Readonly<Record<string, Declaration>>;

/** Questions at the same time: IAM throttles an account's calls, those of everybody else in it, too. */
export const questionsAtOnce = 8;

/** IAM that takes longer is away: the credentials are written without it. */
const patience: Seconds = 300;

/** A role that consumers report as, and what can be told of it. */
interface Role {
  readonly arn: string;
  /** `consumer of credential`, each. */
  readonly users: readonly string[];
}

export interface Senders {
  /**
   * `Credential.senders` for a declaration. Of a role that IAM could not be asked for the id known before stays: it is
   * the same role's for ever, and one that was made anew under the name then only counts as a stranger.
   */
  of(declaration: Declaration, before: Credential | undefined): Credential['senders'];
  /** What a person should know: a line for each role without an answer, or of which there is none. */
  readonly troubles: readonly string[];
}

/** Asks for the id of each declared role that does not come with one, once however many consumers name it. */
export async function resolveSenders(
  ports: Pick<Ports, 'roles' | 'clock'>,
  credentials: Declarations,
): Promise<Senders> {
  const roles = rolesToAskFor(credentials);
  const answers = await askFor(ports, roles);
  return {
    of: ({ consumers }, before) =>
      Object.fromEntries(
        consumers.flatMap(({ name, role, roleId }) =>
          role === undefined ? [] : [[name, roleId ?? idOf({ name, role }, answers, before)]],
        ),
      ),
    troubles: roles.flatMap((role) => troubleWith(role, answers.get(role.arn))),
  };
}

function rolesToAskFor(credentials: Declarations): readonly Role[] {
  const users = new Map<string, string[]>();
  for (const [id, { consumers }] of Object.entries(credentials)) {
    for (const { name, role, roleId } of consumers) {
      if (role === undefined || roleId !== undefined) continue;
      const known = users.get(role) ?? [];
      users.set(role, known);
      known.push(`${name} of ${id}`);
    }
  }
  return [...users].map(([arn, each]) => ({ arn, users: each }));
}

async function askFor(
  { roles, clock }: Pick<Ports, 'roles' | 'clock'>,
  all: readonly Role[],
): Promise<Answers> {
  const until = plus(clock.now(), patience);
  const answers = new Map<string, Answer>();
  await inParallel(all, questionsAtOnce, async ({ arn }) => {
    if (clock.now() >= until) {
      answers.set(arn, { failure: `IAM was not asked for ${arn}: it took too long over others` });
      return;
    }
    try {
      answers.set(arn, { id: await roles.idOf(arn) });
    } catch (error) {
      answers.set(arn, { failure: error instanceof Error ? error.message : String(error) });
    }
  });
  return answers;
}

function idOf(
  { name, role }: Pick<Consumer, 'name'> & { readonly role: string },
  answers: Answers,
  before: Credential | undefined,
): string | null {
  const answer = answers.get(role);
  if (answer && 'id' in answer) return answer.id;
  const isSame = before?.declaration.consumers.some((each) => each.name === name && each.role === role);
  // A consumer may be called "constructor".
  return before && isSame && Object.hasOwn(before.senders, name) ? (before.senders[name] ?? null) : null;
}

function troubleWith({ arn, users }: Role, answer: Answer | undefined): readonly string[] {
  const [first, ...more] = users;
  const whose = `the role of consumer ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
  if (!answer) return [];
  if ('failure' in answer) return [`${answer.failure}: ${whose}; an id that was known stays`];
  if (answer.id !== null) return [];
  return [
    `this account has no role ${arn}, ${whose}: keyturn looks again each hour; make it, correct the ARN, or give \`roleId\` for a role of another account`,
  ];
}
