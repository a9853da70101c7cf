/** The hourly survey: how many credentials and rotations there are of each kind, for the dashboard. */
import { type Instant, secondsBetween } from '../usage/instant.ts';
import { type Credential, credentialStatuses } from './credential.ts';
import type { Ports } from './ports.ts';
import { phases } from './rotation.ts';

type SurveyPorts = Pick<Ports, 'ledger' | 'clock' | 'metrics'>;

/**
 * Reads every credential, which costs too much for each minute: it does nothing but in the first one of an hour.
 *
 * @returns the credentials, for what else is done once an hour; none in any other minute.
 */
export async function survey(ports: SurveyPorts, now: Instant): Promise<readonly Credential[]> {
  if (new Date(now).getUTCMinutes() > 0) return [];
  const credentials = await ports.ledger.credentials();
  const byStatus = Map.groupBy(credentials, ({ status }) => status);
  for (const status of credentialStatuses) {
    ports.metrics.gauge('Credentials', byStatus.get(status)?.length ?? 0, { status });
  }
  await countPhases(ports, credentials);
  ports.metrics.gauge('OldestKeyDays', oldestKey(ports, credentials));
  return credentials;
}

async function countPhases(
  { ledger, metrics }: SurveyPorts,
  credentials: readonly Credential[],
): Promise<void> {
  const counts = new Map<string, number>();
  for (const { id, activeRotation } of credentials) {
    if (!activeRotation) continue;
    const phase = (await ledger.load(id, activeRotation))?.rotation?.phase;
    if (phase) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  for (const phase of phases) metrics.gauge('RotationsUnderWay', counts.get(phase) ?? 0, { phase });
}

const oldestKey = ({ clock }: SurveyPorts, credentials: readonly Credential[]): number =>
  Math.max(
    0,
    ...credentials.map(({ lastPromotedAt, currentGeneration }) =>
      lastPromotedAt && currentGeneration > 0 ? secondsBetween(lastPromotedAt, clock.now()) / 86_400 : 0,
    ),
  );
