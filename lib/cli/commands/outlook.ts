/** What plans are made from: the ledger as it is, or as it would be if a keyturn.yaml were deployed now. */
import { nodeDigests } from '../../aws/node-digests.ts';
import { systemClock } from '../../aws/system-clock.ts';
import { issuerCapabilities } from '../../issuers/index.ts';
import type { Credential } from '../../rotation/credential.ts';
import { InvalidInput } from '../../rotation/errors.ts';
import type { Capabilities, Ledger, LedgerView } from '../../rotation/ports.ts';
import { registerCredentials } from '../../rotation/register-credentials.ts';
import type { Instant } from '../../usage/instant.ts';
import { Failure, failureOf, isNowhere } from '../failure.ts';
import { inParallel } from '../in-parallel.ts';
import type { Surroundings } from '../options.ts';
import { registeredBlock } from '../plug-ins.ts';
import type { Stack } from '../stack.ts';
import { knownCredential, noCredential } from './known-credential.ts';
import { readFile } from './validate.ts';

export interface Outlook {
  /** Name of the stack. */
  readonly stack: string;
  /** When there is no stack to compare with. */
  readonly assumed?: 'new';
  readonly now: Instant;
  /** Every credential with its keys. */
  views(): Promise<readonly LedgerView[]>;
  /** @throws Failure that names the nearest credential when there is none of this id. */
  view(id: string): Promise<LedgerView>;
  /** @throws Failure when the block is not registered; InvalidInput when its type is not known here. */
  capabilities(issuer: string): Promise<Capabilities>;
}

/** The stack as it is. */
export const outlookOf = (stack: Stack): Outlook => ({
  stack: stack.name,
  now: stack.clock.now(),
  views: async () => {
    const credentials = await stack.ledger.credentials();
    return inParallel(credentials, ({ id }) => knownCredential(stack, id));
  },
  view: (id) => knownCredential(stack, id),
  capabilities: async (issuer) => issuerCapabilities(await registeredBlock(stack.issuerBlocks, issuer)),
});

/**
 * The stack after a deploy of the file. Where there is none, everything is new; why is told on stderr.
 * @throws what went wrong on the way to a stack that may be there; Failure, InvalidInput when the file is wrong, or says what a deploy would refuse.
 */
export async function outlookWith(
  file: string,
  name: string,
  { host, connect }: Surroundings,
): Promise<Outlook> {
  const { config } = readFile(file, name);
  const stack = await connect(name).catch((error: unknown) => {
    if (!isNowhere(error)) throw error;
    host.err(`keyturn: planned as new, since ${failureOf(error).message}`);
    return undefined;
  });
  const ledger = stack?.ledger ?? emptyLedger;
  const { clock } = stack ?? { clock: systemClock };
  const changed = await registered(ledger, clock, config);
  const viewOf = async (id: string): Promise<LedgerView | undefined> => {
    const view = await ledger.load(id);
    const credential = changed.get(id) ?? view?.credential;
    return credential && { credential, keys: view?.keys ?? [] };
  };
  const ids = async (): Promise<readonly string[]> => [
    ...new Set([...(await ledger.credentials()).map(({ id }) => id), ...changed.keys()]),
  ];
  return {
    stack: name,
    ...(stack === undefined && { assumed: 'new' }),
    now: clock.now(),
    views: async () => (await inParallel(await ids(), viewOf)).flatMap((view) => (view ? [view] : [])),
    view: async (id) => {
      const view = await viewOf(id);
      if (view) return view;
      throw noCredential(file, id, await ids());
    },
    capabilities: async (issuer) => {
      const declared: unknown = config.issuers[issuer];
      const { issuerBlocks } = stack ?? { issuerBlocks: { get: nothing } };
      return issuerCapabilities(declared ?? (await registeredBlock(issuerBlocks, issuer)));
    },
  };
}

type File = Parameters<typeof registerCredentials>[1];

/** Registers the file's credentials into nowhere. @returns what would be written, by id. */
async function registered(
  ledger: Ledger,
  clock: Stack['clock'],
  file: File,
): Promise<ReadonlyMap<string, Credential>> {
  const changed = new Map<string, Credential>();
  const blocks = { get: async () => undefined, put: async () => {} };
  const commit: Ledger['commit'] = async ({ credential }) => void changed.set(credential.id, credential);
  const ports = {
    ledger: { ...ledger, commit },
    issuerBlocks: blocks,
    targetBlocks: blocks,
    installation: { ensure: async (candidate: string) => candidate },
    // No plan depends on who reports.
    roles: { idOf: async () => null },
    clock,
    digests: nodeDigests,
  };
  try {
    await registerCredentials(ports, file);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    throw new Failure(`a deploy would be refused: ${error.message}`, 1, { cause: error });
  }
  return changed;
}

const none = async () => [];
const nothing = async () => undefined;

const emptyLedger: Ledger = {
  load: nothing,
  credentials: none,
  rotations: none,
  due: none,
  overdue: none,
  commit: nothing,
  takeLease: nothing,
  dropLease: nothing,
  note: nothing,
  announced: nothing,
  claim: nothing,
  audit: none,
};
