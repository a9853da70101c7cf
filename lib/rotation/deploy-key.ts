/** Deploy key: brings the new key to one target, beside the secret that consumers read. */
import { type Seconds, secondsBetween } from '../usage/instant.ts';
import { InvalidInput, TargetRejected } from './errors.ts';
import type { Ports, RotationRef } from './ports.ts';
import { expectedWithin } from './record-change.ts';
import { type Deployed, graceFacts } from './rotation.ts';
import { readSecret } from './secret-format.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { stayingKey, type TurnState } from './turn-state.ts';

type DeployPorts = TurnPorts & Pick<Ports, 'targets' | 'secrets' | 'metrics'>;

/** Failures in a row after which the owner is told: a single one is no news. */
const failuresUntilTold = 3;

/**
 * Gives the key that consumers are to use to `input.target` and writes that it has it. A failure is written too, so that Check drain knows
 * who may still hold the old key, then thrown: the workflow tries again for an hour, and after that at every look.
 *
 * Run twice, it finds the target served, or deploys again, which targets take without harm.
 *
 * @throws TargetRejected, TargetUnavailable.
 */
export async function deployKey(
  ports: DeployPorts,
  input: RotationRef & { readonly target: string },
): Promise<{ readonly target: string }> {
  return takeTurn(ports, 'deployKey', input, async (turn) => {
    const { target } = input;
    if (!targetsBehind(turn).includes(target)) return { target };
    try {
      await deploy(ports, turn, target);
    } catch (error) {
      await recordFailure(ports, turn, target, error);
      throw error;
    }
    const sleeps = sleepsOn(ports, turn);
    await turn.record({ name: 'keyDeployed', target, at: ports.clock.now() }, { sleeps });
    return { target };
  });
}

/** Declared targets that do not have the key yet that consumers are to use. */
export function targetsBehind({ credential, rotation }: TurnState): readonly string[] {
  const facts = graceFacts(rotation);
  if (rotation.phase !== 'grace' || rotation.kind !== 'rotate' || !facts) return [];
  return (credential.declaration.targets ?? []).filter((name) => !facts.deployments[name]?.done);
}

async function deploy({ targets, secrets }: DeployPorts, turn: Turn, name: string): Promise<void> {
  const { credential, rotation } = turn;
  const { secret } = credential.declaration;
  const { keyId, versionId, generation } = stayingKey(turn);
  const target = await targets.connect(name);
  await target.deploy({
    credentialId: credential.id,
    rotationId: rotation.rotationId,
    generation,
    keyId,
    versionId,
    secretName: secret.name,
    read: async () => {
      const text = await secrets.read(secret.name, versionId);
      return { text, secret: readSecret(secret, text) };
    },
  });
}

/** Tells the owner once: at the third failure in a row, or at the first that no other try can mend. */
async function recordFailure(ports: DeployPorts, turn: Turn, target: string, error: unknown): Promise<void> {
  const before = graceFacts(turn.rotation)?.deployments[target];
  const reason = error instanceof Error ? error.message : 'it failed without saying why';
  const tells = !before?.told && (isForGood(error) || failuresOf(before) + 1 >= failuresUntilTold);
  const { owner } = turn.credential.declaration;
  const announce = { type: 'Target Failing', detail: { target, reason, owner } } as const;
  await turn.record(
    { name: 'deployFailed', target, at: ports.clock.now(), reason, told: tells || before?.told === true },
    { sleeps: sleepsOn(ports, turn), ...(tells && { announce }) },
  );
  if (tells) ports.metrics.count('TargetFailing', { credential: turn.credential.id, target });
}

/** Seconds until the workflow wakes, as was foreseen when it was sent here: its targets do not change that. */
const sleepsOn = ({ clock }: DeployPorts, { rotation, credential }: Turn): Seconds =>
  Math.max(0, secondsBetween(clock.now(), rotation.expectedBy) - expectedWithin(credential));

/** A target that refuses, or whose block is missing: no other try mends that. */
const isForGood = (error: unknown): boolean =>
  error instanceof TargetRejected || error instanceof InvalidInput;

const failuresOf = (deployed: Deployed | undefined): number => deployed?.failures ?? 0;
