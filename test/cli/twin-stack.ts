/** A deployed stack made of twins, and a host that remembers what was printed. */
import type { Host } from '../../lib/cli/host.ts';
import { main } from '../../lib/cli/main.ts';
import type { Stack } from '../../lib/cli/stack.ts';
import type { Credential } from '../../lib/rotation/credential.ts';
import type { Key } from '../../lib/rotation/key.ts';
import type { Rotation } from '../../lib/rotation/rotation.ts';
import type { UsageBook } from '../../lib/usage/usage-book.ts';
import { type ManualClock, manualClock } from '../fakes/manual-clock.ts';
import { memoryLedger } from '../fakes/memory-ledger.ts';
import { memoryRequests } from '../fakes/memory-requests.ts';
import { memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { anAuditRecord } from '../support/builders.ts';

export interface TwinStack extends Stack {
  readonly ledger: ReturnType<typeof memoryLedger>;
  readonly usage: UsageBook;
  readonly requests: ReturnType<typeof memoryRequests>;
  readonly clock: ManualClock;
  /** What was asked for, in order. */
  readonly asked: { readonly credential: string; readonly reason: string }[];
}

/** The request ids are `request-1`, `request-2` … */
export function twinStack(): TwinStack {
  const asked: TwinStack['asked'] = [];
  const requests = memoryRequests();
  const clock = manualClock();
  const ask: Stack['ask'] = async (request) => `request-${asked.push(request)}`;
  return { name: 'keyturn', ledger: memoryLedger(), usage: memoryUsageBook(), requests, clock, asked, ask };
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

/** Runs the command line against the stack. */
export async function run(stack: Stack, ...argv: readonly string[]) {
  const printed: string[] = [];
  const complained: string[] = [];
  const host: Host = {
    out: (line) => void printed.push(line),
    err: (line) => void complained.push(line),
    colour: false,
  };
  const code = await main(argv, host, async () => stack);
  return { code, out: printed.join('\n'), err: complained.join('\n') };
}
