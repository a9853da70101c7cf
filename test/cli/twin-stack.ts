/** A deployed stack made of twins, and a host that remembers what was printed. */

import type { AnchoredChange } from '../../lib/aws/s3-audit-anchor.ts';
import type { Check } from '../../lib/cli/doctor/finding.ts';
import type { Host } from '../../lib/cli/host.ts';
import { main } from '../../lib/cli/main.ts';
import type { ConnectStack, Stack } from '../../lib/cli/stack.ts';
import type { Credential } from '../../lib/rotation/credential.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import type { UsageBook } from '../../lib/usage/usage-book.ts';
import { type ManualClock, manualClock } from '../fakes/manual-clock.ts';
import { memoryBlocks } from '../fakes/memory-blocks.ts';
import { type MemoryEventSink, memoryEventSink } from '../fakes/memory-event-sink.ts';
import { type MemoryExecutions, memoryExecutions } from '../fakes/memory-executions.ts';
import { type MemoryIssuer, memoryIssuer } from '../fakes/memory-issuer.ts';
import { memoryLedger } from '../fakes/memory-ledger.ts';
import { memoryRequests } from '../fakes/memory-requests.ts';
import { type MemorySecretStore, memorySecretStore } from '../fakes/memory-secret-store.ts';
import { type MemoryTarget, memoryTarget } from '../fakes/memory-target.ts';
import { memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { testDigests } from '../fakes/test-digests.ts';
import { anAuditRecord } from '../support/builders.ts';

export interface TwinStack extends Stack {
  readonly ledger: ReturnType<typeof memoryLedger>;
  readonly usage: UsageBook;
  readonly events: MemoryEventSink;
  readonly requests: ReturnType<typeof memoryRequests>;
  readonly clock: ManualClock;
  readonly executions: MemoryExecutions;
  readonly secrets: MemorySecretStore;
  readonly issuerBlocks: ReturnType<typeof memoryBlocks>;
  /** Behind every issuer block. */
  readonly theIssuer: MemoryIssuer;
  /** Behind every target block. */
  readonly theTarget: MemoryTarget;
  /** Copies of the audit trail outside the table. */
  readonly anchored: AnchoredChange[];
  readonly parts: Check[];
  /** What was asked for, in order. */
  readonly asked: { readonly credential: string; readonly reason: string }[];
}

/** Who sits at the terminal of a twin stack. */
export const someCaller = 'arn:aws:iam::123456789012:user/ada';

/** The request ids are `request-1`, `request-2` … */
export function twinStack(): TwinStack {
  const asked: TwinStack['asked'] = [];
  const anchored: AnchoredChange[] = [];
  const clock = manualClock();
  const theIssuer = memoryIssuer({ clock });
  const theTarget = memoryTarget();
  return {
    name: 'keyturn',
    ledger: memoryLedger(),
    usage: memoryUsageBook(),
    events: memoryEventSink(),
    requests: memoryRequests(),
    executions: memoryExecutions(() => clock.now()),
    secrets: memorySecretStore(),
    issuerBlocks: memoryBlocks(),
    issuer: async () => theIssuer,
    target: async () => theTarget,
    anchor: { anchored: async () => anchored },
    caller: async () => someCaller,
    parts: [],
    digests: testDigests(),
    metrics: { count: () => {}, gauge: () => {} },
    ask: async (request) => `request-${asked.push(request)}`,
    clock,
    asked,
    anchored,
    theIssuer,
    theTarget,
  };
}

/** Puts rows into the ledger as they are; the credential is new to it, or was put before. */
export async function put(
  { ledger }: TwinStack,
  credential: Credential,
  { rotation, keys = [] }: { readonly rotation?: Rotation; readonly keys?: readonly Key[] } = {},
): Promise<void> {
  const known = (await ledger.load(credential.id, rotation?.rotationId)) ?? undefined;
  const auditSeq = known?.credential.auditSeq ?? 0;
  await ledger.commit({
    expected: {
      auditSeq,
      epoch: known?.credential.epoch ?? 0,
      ...(known?.rotation && { run: known.rotation.run }),
    },
    credential: { ...credential, auditSeq: auditSeq + 1 },
    ...(rotation && { rotation }),
    keys,
    audit: anAuditRecord({ credentialId: credential.id, seq: auditSeq + 1 }),
  });
}

/**
 * Runs the command line against the stack, or against another way to one.
 *
 * @param confirm what somebody at the terminal says; without it nobody is there.
 */
export async function run(
  stack: Stack,
  argv: readonly string[],
  connect: ConnectStack = async () => stack,
  confirm?: Host['confirm'],
) {
  const printed: string[] = [];
  const complained: string[] = [];
  const host: Host = {
    out: (line) => void printed.push(line),
    err: (line) => void complained.push(line),
    colour: false,
    ...(confirm && { confirm }),
  };
  const code = await main(argv, host, connect);
  return { code, out: printed.join('\n'), err: complained.join('\n') };
}
