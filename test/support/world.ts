/** All ports on twins, wired together with a clock that the test moves, and one registered credential. */

import type { Declaration } from '../../lib/rotation/credential.ts';
import { placeholderIdOf, rotationIdOf } from '../../lib/rotation/ids.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type {
  Capabilities,
  CountName,
  GaugeName,
  Issuers,
  LedgerView,
  Ports,
  RotationRef,
} from '../../lib/rotation/ports.ts';
import { type RegistrationCounts, registerCredentials } from '../../lib/rotation/register-credentials.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import { readSecret } from '../../lib/rotation/secret-format.ts';
import type { SecretText } from '../../lib/rotation/secret-text.ts';
import { type Instant, plus, type Seconds } from '../../lib/usage/instant.ts';
import type { Presence } from '../../lib/usage/presence.ts';
import { type ManualClock, manualClock } from '../fakes/manual-clock.ts';
import { memoryBlocks } from '../fakes/memory-blocks.ts';
import { memoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import { type MemoryEventSink, memoryEventSink } from '../fakes/memory-event-sink.ts';
import { type MemoryExecutions, memoryExecutions } from '../fakes/memory-executions.ts';
import { memoryInstallation } from '../fakes/memory-installation.ts';
import { type MemoryIssuer, memoryIssuer } from '../fakes/memory-issuer.ts';
import { memoryIssuerLocks } from '../fakes/memory-issuer-locks.ts';
import { type MemoryLedger, memoryLedger } from '../fakes/memory-ledger.ts';
import { memoryRequests } from '../fakes/memory-requests.ts';
import { type MemoryRoles, memoryRoles } from '../fakes/memory-roles.ts';
import { type MemorySecretStore, memorySecretStore } from '../fakes/memory-secret-store.ts';
import { type MemoryTarget, memoryTarget } from '../fakes/memory-target.ts';
import { type MemoryUsageBook, memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { aDeclaration } from './builders.ts';
import { type Hook, intercepted } from './intercept.ts';

export interface Invoked {
  /** Seconds that the platform gives the invocation. @default 30 */
  readonly timeout?: Seconds;
  /** @default one that no other invocation has */
  readonly requestId?: string;
  /** Stands in front of every port. */
  readonly hook?: Hook;
}

/** A value as the dashboards get it. */
export interface Gauged {
  readonly name: GaugeName;
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface World {
  readonly credentialId: string;
  readonly secretName: string;
  readonly clock: ManualClock;
  readonly ledger: MemoryLedger;
  readonly issuer: MemoryIssuer;
  readonly secrets: MemorySecretStore;
  /** The twin behind a target's name. */
  targetOf(name: string): MemoryTarget;
  /** The twins of all targets that anybody has asked for, by name. */
  readonly targets: ReadonlyMap<string, MemoryTarget>;
  readonly usage: MemoryUsageBook;
  readonly events: MemoryEventSink;
  readonly executions: MemoryExecutions;
  readonly roles: MemoryRoles;
  /** Every metric that was counted, in order. */
  readonly metrics: readonly CountName[];
  /** Every value that was gauged, in order. */
  readonly gauges: readonly Gauged[];
  /** Another deploy, which declares the credential like this, or no longer. */
  redeploy(declaration: Partial<Declaration> | 'without it'): Promise<RegistrationCounts>;
  /** The ports as a new invocation gets them. */
  ports(invoked?: Invoked): Ports;
  /** How the rotation after the last one travels through the state machine. */
  nextRotation(run?: number): Promise<RotationRef>;
  /** What the ledger holds, with the rotation if a ref is given. */
  view(ref?: RotationRef): Promise<LedgerView>;
  rotation(ref: RotationRef): Promise<Rotation>;
  keys(): Promise<readonly Key[]>;
  /** Secrets Manager version id that AWSCURRENT is on. */
  currentVersion(): Promise<string | undefined>;
  /** What consumers read now; undefined while it is the placeholder, or no secret is there. */
  currentSecret(): Promise<SecretText | undefined>;
  /** One report of a consumer's process, now. Without `holds` it has read the current version. */
  report(
    report?: Partial<Pick<Presence, 'consumer' | 'instance' | 'holds' | 'lastUse' | 'leftAt'>>,
  ): Promise<void>;
}

export interface WorldOptions {
  readonly declaration?: Parameters<typeof aDeclaration>[0];
  readonly capabilities?: Partial<Capabilities>;
  /** Most keys that the issuer allows. */
  readonly limit?: number;
  /** Seconds after which the issuer's keys end by themselves. */
  readonly lifetime?: Seconds;
  readonly start?: Instant;
}

export async function aWorld(options: WorldOptions = {}): Promise<World> {
  const declaration = aDeclaration(options.declaration);
  const { name: secretName } = declaration.secret;
  const credentialId = 'billing-agent';
  const clock = manualClock(options.start);
  const ledger = memoryLedger();
  const usage = memoryUsageBook();
  const events = memoryEventSink();
  const executions = memoryExecutions(() => clock.now());
  const roles = memoryRoles();
  const secrets = memorySecretStore();
  const issuer = memoryIssuer({
    clock,
    capabilities: {
      createLag: 4,
      revokeLag: 6,
      disable: false,
      lastUsedLag: null,
      reportsDenied: false,
      ...options.capabilities,
    },
    ...(options.limit !== undefined && { limit: options.limit }),
    ...(options.lifetime !== undefined && { lifetime: options.lifetime }),
  });
  const digests = testDigests();
  const targets = new Map<string, MemoryTarget>();
  const targetOf = (name: string): MemoryTarget => {
    const target = targets.get(name) ?? memoryTarget();
    targets.set(name, target);
    return target;
  };
  const metrics: CountName[] = [];
  const gauges: Gauged[] = [];
  const shared = {
    ledger,
    issuerLocks: memoryIssuerLocks(),
    requests: memoryRequests(),
    secrets,
    issuers: oneIssuer(issuer),
    issuerBlocks: memoryBlocks(),
    targets: { connect: async (name: string) => targetOf(name) },
    targetBlocks: memoryBlocks(),
    installation: memoryInstallation(),
    roles,
    usage,
    events,
    executions,
    clock,
    digests,
    metrics: {
      count: (name: CountName) => void metrics.push(name),
      gauge: (name: GaugeName, value: number, dimensions: Readonly<Record<string, string>> = {}) =>
        void gauges.push({ name, value, dimensions }),
    },
    deadLetters: memoryDeadLetters(),
  };
  let invocations = 0;
  const ports = ({ timeout = 30, requestId, hook }: Invoked = {}): Ports => {
    invocations += 1;
    const invocation = {
      requestId: requestId ?? `request-${invocations}`,
      deadline: plus(clock.now(), timeout),
    };
    const wired = { ...shared, invocation };
    return hook ? intercepted(wired, hook) : wired;
  };
  const register = (credentials: Readonly<Record<string, Declaration>>) =>
    registerCredentials(shared, {
      issuers: { [declaration.issuer]: { type: 'memory' } },
      targets: {},
      accounts: {},
      prefixes: ['keyturn/'],
      credentials,
    });
  await register({ [credentialId]: declaration });
  const view = async (ref?: RotationRef): Promise<LedgerView> => {
    const found = await ledger.load(credentialId, ref?.rotationId);
    if (!found) throw new Error(`there is no credential ${credentialId}`);
    return found;
  };
  const placeholderId = placeholderIdOf(digests, (await view()).credential);
  const currentVersion = async (): Promise<string | undefined> =>
    [...((await secrets.versions(secretName)) ?? [])].find(([, stages]) =>
      stages.includes('AWSCURRENT'),
    )?.[0];
  let reports = 0;
  return {
    credentialId,
    secretName,
    clock,
    ledger,
    issuer,
    secrets,
    targetOf,
    targets,
    usage,
    events,
    executions,
    roles,
    metrics,
    gauges,
    redeploy: (change) =>
      register(change === 'without it' ? {} : { [credentialId]: { ...declaration, ...change } }),
    ports,
    view,
    currentVersion,
    nextRotation: async (run = 1) => {
      const { credential } = await view();
      const rotationId = rotationIdOf(digests, credential, credential.lastGeneration + 1);
      return { credentialId, rotationId, run };
    },
    rotation: async (ref) => {
      const { rotation } = await view(ref);
      if (!rotation) throw new Error(`there is no rotation ${ref.rotationId}`);
      return rotation;
    },
    keys: async () => (await view()).keys,
    currentSecret: async () => {
      const versionId = await currentVersion();
      if (!versionId || versionId === placeholderId) return undefined;
      return readSecret(declaration.secret, await secrets.read(secretName, versionId));
    },
    report: async (report = {}) => {
      reports += 1;
      const now = clock.now();
      const current = await currentVersion();
      const holds = report.holds ?? (current ? [current] : []);
      const presence: Presence = {
        credentialId,
        consumer: 'billing-agent',
        instance: 'process-1',
        seq: reports,
        windowEnd: now,
        lastSeen: now,
        leftAt: null,
        lastUse: Object.fromEntries(holds.map((versionId) => [versionId, now])),
        ...report,
        holds,
      };
      await usage.apply({ presence: [presence], usage: [] });
    },
  };
}

/** Every issuer block leads to the same twin. */
const oneIssuer = (issuer: MemoryIssuer): Issuers => ({ connect: async () => issuer });
