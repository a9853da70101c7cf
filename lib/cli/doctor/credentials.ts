/** What of a credential somebody should know: what keeps it from rotating, its secret, and who never reports. */
import type { Credential, Declaration } from '../../rotation/credential.ts';
import { mayChangeAt } from '../../rotation/due.ts';
import type { Rotation } from '../../rotation/rotation.ts';
import { plus } from '../../usage/instant.ts';
import { decideCommand } from '../commands/open-decision.ts';
import type { Stack } from '../stack.ts';
import { sweepPatience } from '../sweep-patience.ts';
import { type Check, type Finding, findingOf } from './finding.ts';

/** Only what is not as it should be; one line that all is well, when there is nothing. */
export async function credentialFindings(stack: Stack, credential: Credential): Promise<readonly Finding[]> {
  const { id, status } = credential;
  if (status === 'retired') return [];
  const findings = await Promise.all(checksOf(stack, credential).map(findingOf));
  const worthTelling = findings.filter((finding) => finding.status !== 'ok');
  if (worthTelling.length > 0) return worthTelling;
  const { pause } = credential;
  const text = pause
    ? `paused by ${pause.by} since ${pause.at} (${pause.reason}): "keyturn resume ${id}"`
    : status;
  return [{ subject: `credential ${id}`, status: 'ok', text }];
}

const checksOf = (stack: Stack, credential: Credential): readonly Check[] => [
  { subject: `credential ${credential.id}`, look: () => standing(stack, credential) },
  {
    subject: `secret ${credential.declaration.secret.name} of ${credential.id}`,
    look: () => secret(stack, credential),
  },
  { subject: `consumers of ${credential.id}`, look: () => consumers(stack, credential) },
  { subject: `roles of ${credential.id}`, look: () => roles(credential) },
];

type Seen = ReturnType<Check['look']>;

async function standing(stack: Stack, credential: Credential): Seen {
  const { id, status, activeRotation, failures } = credential;
  const now = stack.clock.now();
  if (status === 'blocked') {
    const reason = reasonOf((await stack.ledger.rotations(id))[0]);
    return wrong(`blocked: ${reason}; then ask for a rotation with "keyturn rotate ${id}"`);
  }
  if (status === 'failing')
    return wrong(`failing: ${failures} rotations abandoned in a row, see why with "keyturn history ${id}"`);
  if (activeRotation)
    return rotationSeen(credential, (await stack.ledger.load(id, activeRotation))?.rotation, now);
  const { dueAt, pause } = credential;
  if (dueAt && !pause && plus(mayChangeAt(credential, dueAt), sweepPatience) < now)
    return wrong(`due since ${dueAt} and not started: see the log of the sweep-due function`);
  return status;
}

function rotationSeen({ id }: Credential, rotation: Rotation | undefined, now: string): Awaited<Seen> {
  if (!rotation || 'endedAt' in rotation) return 'its rotation has just ended';
  if (plus(rotation.expectedBy, sweepPatience) < now) {
    return wrong(
      `rotation ${rotation.rotationId} was to be heard of by ${rotation.expectedBy}: "keyturn resume ${id}" looks after its execution`,
    );
  }
  if (rotation.phase === 'grace') {
    const { question, verdict, refusal, deadline } = rotation;
    const why = refusal ?? verdict?.reason ?? 'see its status';
    if (question)
      return wrong(
        `its owner is asked for a decision (question ${question.number}, ${decideCommand(rotation, rotation)}): ${why}`,
      );
    if (verdict?.outcome === 'overdue' && deadline <= now) return wrong(`its old key is overdue: ${why}`);
  }
  return `rotates, ${rotation.phase}`;
}

const reasonOf = (rotation: Rotation | undefined): string =>
  rotation && 'reason' in rotation ? rotation.reason : 'its last rotation says why';

async function secret({ secrets }: Stack, { declaration, currentGeneration }: Credential): Seen {
  const facts = await secrets.describe(declaration.secret.name);
  if (facts?.nativeRotation)
    return wrong(
      'Secrets Manager rotates it too, which takes the key away from keyturn: cancel its rotation',
    );
  if (facts) return 'there';
  if (currentGeneration === 0 && !declaration.adopt) return 'made with its first key';
  return {
    status: 'missing',
    text: 'consumers have nothing to read: restore it, or find out who deleted it',
  };
}

async function consumers(stack: Stack, { id, declaration, currentGeneration }: Credential): Seen {
  if (declaration.consumers.length === 0) return nobodyDeclared(stack, declaration);
  if (currentGeneration === 0) return 'there is no key yet to report on';
  const seen = new Set((await stack.usage.presence(id)).map(({ consumer }) => consumer));
  const silent = declaration.consumers.filter(({ name }) => !seen.has(name)).map(({ name }) => name);
  if (silent.length === 0) return 'all have reported';
  return missing(
    `never seen: ${silent.join(', ')}; until they report, each old key stays alive beside the new one (see docs/client.md)`,
  );
}

async function nobodyDeclared(stack: Stack, { issuer, mode }: Declaration): Seen {
  const { capabilities } = await stack.issuer(issuer, mode);
  if (capabilities.lastUsedLag !== null)
    return `none is declared: issuer ${issuer} says when a key is used, but not by whom`;
  return missing(
    'none is declared, and its issuer does not say when a key is used, so no key ever drains by proof: declare who uses it (see docs/client.md)',
  );
}

/** Consumers whose declared role IAM does not know: what they report counts as use, never as silence. */
async function roles({ senders }: Credential): Seen {
  const unknown = Object.entries(senders).flatMap(([name, id]) => (id === null ? [name] : []));
  if (unknown.length === 0) return 'each declared role is known';
  return wrong(
    `IAM does not know the role of ${unknown.join(', ')}, so their reports count as a stranger's and each old key stays alive: IAM is asked again each hour by itself, so once the role is there nothing is to do; else correct "role" in keyturn.yaml, or say "roleId" for a role of another account, and deploy`,
  );
}

const wrong = (text: string) => ({ status: 'wrong', text }) as const;
const missing = (text: string) => ({ status: 'missing', text }) as const;
