/**
 * A world whose ledger, blocks, locks, secrets, usage book and bus are the real adapters, on the local cloud and
 * metered. Its issuer is the real `http` one with a server on this machine; targets are twins behind a real block.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { adminSecrets } from '../lib/aws/admin-secrets.ts';
import { documentClient, type LedgerTable } from '../lib/aws/document-client.ts';
import { dynamoDbBlocks } from '../lib/aws/dynamodb-blocks.ts';
import { dynamoDbIssuerLocks } from '../lib/aws/dynamodb-issuer-locks.ts';
import { dynamoDbLedger } from '../lib/aws/dynamodb-ledger.ts';
import { dynamoDbUsageBook } from '../lib/aws/dynamodb-usage-book.ts';
import { eventBridgeSink } from '../lib/aws/event-bridge-sink.ts';
import { secretsManagerStore } from '../lib/aws/secrets-manager-store.ts';
import { connectIssuer } from '../lib/issuers/index.ts';
import type { Issuers, Ledger, Ports, Targets } from '../lib/rotation/ports.ts';
import { plus, type Seconds } from '../lib/usage/instant.ts';
import type { Presence } from '../lib/usage/presence.ts';
import type { Cloud } from '../local/cloud.ts';
import { type HttpIssuer, startHttpIssuer } from '../test/fakes/http-issuer.ts';
import { aCloudTable } from '../test/support/cloud-table.ts';
import { registrationOf } from '../test/support/commits.ts';
import { aWorld, type World, type WorldOptions } from '../test/support/world.ts';
import { cloudConfig } from './cloud-config.ts';
import { asSent, type Meter, meterOf } from './meter.ts';

export interface CloudWorld {
  /** Its clock and targets are used; what it keeps in memory is not. */
  readonly twins: World;
  readonly meter: Meter;
  /** To look, unmetered. */
  readonly ledger: Ledger;
  /** The ports of a new invocation, as the composition root would join them. */
  ports(timeout: Seconds): Ports;
  /** How many calls have reached the issuer. */
  issuerCalls(): number;
  /** The consumer's one process reports; this is not part of a rotation's bill. */
  report(presence: Pick<Presence, 'holds' | 'lastUse'>): Promise<void>;
  /** Ends the issuer's server. */
  stop(): Promise<void>;
}

/** Seconds that the issuer takes to know a new key and to forget a revoked one: keyturn sleeps through them. */
const lags = { createLag: 4, revokeLag: 6 } as const;

export async function aCloudWorld(cloud: Cloud, options: WorldOptions = {}): Promise<CloudWorld> {
  const config = cloudConfig(cloud);
  const aside = await aCloudTable(config);
  const clients = {
    dynamoDb: new DynamoDBClient(config),
    secretsManager: new SecretsManagerClient(config),
    eventBridge: new EventBridgeClient(config),
  };
  const bus = aside.table;
  await clients.eventBridge.send(new CreateEventBusCommand({ Name: bus }));
  const meter = meterOf(aside);
  clients.dynamoDb.middlewareStack.add(meter.listen, asSent);
  clients.secretsManager.middlewareStack.add(meter.listen, asSent);
  clients.eventBridge.middlewareStack.add(meter.listen, asSent);
  const table = { client: documentClient(clients.dynamoDb), table: aside.table };
  const twins = await aWorld(options);
  const { credential } = await twins.view();
  const issuer = await anIssuer(twins, credential.declaration.issuer, { aside, config });
  const { targets = [] } = credential.declaration;
  for (const name of targets) await dynamoDbBlocks(aside, 'targetBlock').put(name, targetBlock);
  const real = {
    ledger: dynamoDbLedger(table),
    issuerLocks: dynamoDbIssuerLocks(table),
    secrets: secretsManagerStore({ client: clients.secretsManager }),
    usage: dynamoDbUsageBook(table),
    events: eventBridgeSink({ client: clients.eventBridge, bus }),
  };
  const secret = adminSecrets(clients.secretsManager);
  const issuersFor = (timeout: Seconds): Issuers => {
    const { clock } = twins;
    const deadline = plus(clock.now(), timeout);
    const world = {
      mode: 'demo',
      secret,
      fetch,
      accessKeys: noAccessKeys,
      clock,
      deadline: () => deadline,
    } as const;
    const blocks = dynamoDbBlocks(table, 'issuerBlock');
    return { connect: async (name) => connectIssuer(await blocks.get(name), world) };
  };
  const realTargets: Targets = {
    connect: async (name) => {
      await dynamoDbBlocks(table, 'targetBlock').get(name);
      return twins.targetOf(name);
    },
  };
  await real.ledger.commit(registrationOf(credential));
  const reports = dynamoDbUsageBook(aside);
  let seq = 0;
  return {
    twins,
    meter,
    ledger: dynamoDbLedger(aside),
    ports: (timeout) => ({
      ...twins.ports({ timeout }),
      ...real,
      issuers: issuersFor(timeout),
      targets: realTargets,
    }),
    issuerCalls: () => issuer.calls.length,
    stop: issuer.stop,
    report: async ({ holds, lastUse }) => {
      seq += 1;
      const now = twins.clock.now();
      const process = { credentialId: twins.credentialId, consumer: 'billing-agent', instance: 'process-1' };
      const times = { seq, windowEnd: now, lastSeen: now, leftAt: null };
      await reports.apply({ presence: [{ ...process, ...times, holds, lastUse }], usage: [] });
    },
  };
}

/** What a target's block weighs; the target itself is a twin. */
const targetBlock = { type: 'ssm-parameter', name: '/bench/${credential}', value: 'secret' } as const;

/**
 * An issuer without labels, which costs most: Issue key lists before it creates, and takes turns with others. Its
 * block and its admin secret are there, as a deploy and its owner have left them.
 */
async function anIssuer(
  { clock }: World,
  name: string,
  on: { readonly aside: LedgerTable; readonly config: ReturnType<typeof cloudConfig> },
): Promise<HttpIssuer> {
  const issuer = await startHttpIssuer({ clock, ...lags });
  const admin = `bench-admin/${on.aside.table}`;
  const capabilities = { ...issuer.block.capabilities, named: false, probes: 3 };
  await dynamoDbBlocks(on.aside, 'issuerBlock').put(name, { ...issuer.block, admin, capabilities });
  await new SecretsManagerClient(on.config).send(
    new CreateSecretCommand({ Name: admin, SecretString: JSON.stringify(issuer.admin) }),
  );
  return issuer;
}

const noAccessKeys = (): never => {
  throw new Error('the bench has an http issuer, which asks for no access keys');
};
