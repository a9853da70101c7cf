/** Prove dead: an accepted revoke is a promise; this step sees it kept. */
import { plus } from '../usage/instant.ts';
import { NotProvenDead } from './errors.ts';
import type { Key, Proof } from './key.ts';
import type { Issuer, Ports, RotationRef } from './ports.ts';
import { checkProbe, margin, type Row, wantedRow } from './probing.ts';
import { type NextStep, nextStep } from './rotation.ts';
import { readSecret } from './secret-format.ts';
import { type Turn, type TurnPorts, takeTurn } from './turn.ts';
import { condemnedKey } from './turn-state.ts';

type ProvePorts = TurnPorts & Pick<Ports, 'issuers' | 'secrets'>;

/**
 * With the key's value: k calls with it are refused in a row, over the issuer's revoke lag, after the probe has
 * refused a random key too. Without it (an orphan): k lists in a row lack its id.
 *
 * Run twice, it finds the proof written, or asks again, which harms nothing.
 *
 * @returns where the rotation goes on: its next attempt, the end of an abandon, or Complete.
 * @throws NotProvenDead while the issuer still accepts or lists the key; ProbeUntrusted; IssuerUnavailable.
 */
export async function proveDead(ports: ProvePorts, ref: RotationRef): Promise<{ readonly next: NextStep }> {
  return takeTurn(ports, 'proveDead', ref, async (turn) => {
    const key = condemnedKey(turn);
    if (key && turn.rotation.condemned?.revokedAt) {
      const proof = await proofOf(ports, turn, key);
      await turn.record(
        { name: 'provenDead' },
        { keys: [{ ...key, status: 'dead', proof, lastProbedAt: proof.lastAt }] },
      );
    }
    return { next: nextStep(turn.rotation) };
  });
}

async function proofOf(ports: ProvePorts, turn: Turn, key: Key): Promise<Proof> {
  const issuer = await ports.issuers.connect(key.issuer);
  const { name } = turn.credential.declaration.secret;
  const stored = (await ports.secrets.versions(name))?.has(key.versionId);
  return stored ? proofByRefusal(ports, turn, issuer, key) : proofByList(ports, issuer, key);
}

async function proofByRefusal(ports: ProvePorts, turn: Turn, issuer: Issuer, key: Key): Promise<Proof> {
  const { secret } = turn.credential.declaration;
  const value = readSecret(secret, await ports.secrets.read(secret.name, key.versionId));
  await checkProbe(ports.digests, issuer, key, value);
  const row = await deadRow(ports, issuer, key, {
    ask: () => issuer.probe(value, key.keyId),
    wanted: (answer) => answer === 'dead',
    still: (answer) => `still answers "${answer}" to`,
  });
  return { by: 'refusal', ...row };
}

async function proofByList(ports: ProvePorts, issuer: Issuer, key: Key): Promise<Proof> {
  const row = await deadRow(ports, issuer, key, {
    ask: async () => (await issuer.list()).some(({ keyId }) => keyId === key.keyId),
    wanted: (listed) => !listed,
    still: () => 'still lists',
  });
  return { by: 'list', ...row };
}

async function deadRow<Answer>(
  { clock, invocation }: ProvePorts,
  { capabilities }: Issuer,
  key: Key,
  question: {
    readonly ask: () => Promise<Answer>;
    readonly wanted: (answer: Answer) => boolean;
    readonly still: (answer: Answer) => string;
  },
): Promise<Row> {
  const until = plus(invocation.deadline, -margin);
  const found = await wantedRow(clock, {
    ...question,
    probes: capabilities.probes,
    over: capabilities.revokeLag,
    patience: until,
    until,
  });
  if ('row' in found) return found.row;
  throw new NotProvenDead(
    `issuer ${key.issuer} accepted the revoke of key ${key.keyId} of ${key.credentialId} at ${key.revokedAt} and ${question.still(found.last)} it`,
  );
}
