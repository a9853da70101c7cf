/** A world of twins whose ledger, secrets, usage book and bus are the real adapters, on the local cloud and metered. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { documentClient } from '../lib/aws/document-client.ts';
import { dynamoDbIssuerLocks } from '../lib/aws/dynamodb-issuer-locks.ts';
import { dynamoDbLedger } from '../lib/aws/dynamodb-ledger.ts';
import { dynamoDbUsageBook } from '../lib/aws/dynamodb-usage-book.ts';
import { eventBridgeSink } from '../lib/aws/event-bridge-sink.ts';
import { secretsManagerStore } from '../lib/aws/secrets-manager-store.ts';
import type { Ledger, Ports } from '../lib/rotation/ports.ts';
import type { Presence } from '../lib/usage/presence.ts';
import type { Cloud } from '../local/cloud.ts';
import { aCloudTable } from '../test/support/cloud-table.ts';
import { registrationOf } from '../test/support/commits.ts';
import { aWorld, type World, type WorldOptions } from '../test/support/world.ts';
import { cloudConfig } from './cloud-config.ts';
import { type Meter, meterOf } from './meter.ts';

export interface CloudWorld {
  /** Its clock, issuer and targets are used; what it keeps in memory is not. */
  readonly twins: World;
  readonly meter: Meter;
  /** To look, unmetered. */
  readonly ledger: Ledger;
  /** The ports of a new invocation, as the composition root would join them. */
  ports(timeout: number): Ports;
  /** The consumer's one process reports; this is not part of a rotation's bill. */
  report(presence: Pick<Presence, 'holds' | 'lastUse'>): Promise<void>;
}

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
  const here = { step: 'finalizeRequest', priority: 'low', name: 'meter' } as const;
  clients.dynamoDb.middlewareStack.add(meter.listen, here);
  clients.secretsManager.middlewareStack.add(meter.listen, here);
  clients.eventBridge.middlewareStack.add(meter.listen, here);
  const table = { client: documentClient(clients.dynamoDb), table: aside.table };
  const real = {
    ledger: dynamoDbLedger(table),
    issuerLocks: dynamoDbIssuerLocks(table),
    secrets: secretsManagerStore({ client: clients.secretsManager }),
    usage: dynamoDbUsageBook(table),
    events: eventBridgeSink({ client: clients.eventBridge, bus }),
  };
  const twins = await aWorld(options);
  await real.ledger.commit(registrationOf((await twins.view()).credential));
  const reports = dynamoDbUsageBook(aside);
  let seq = 0;
  return {
    twins,
    meter,
    ledger: dynamoDbLedger(aside),
    ports: (timeout) => ({ ...twins.ports({ timeout }), ...real }),
    report: async ({ holds, lastUse }) => {
      seq += 1;
      const now = twins.clock.now();
      const process = { credentialId: twins.credentialId, consumer: 'billing-agent', instance: 'process-1' };
      const times = { seq, windowEnd: now, lastSeen: now, leftAt: null };
      await reports.apply({ presence: [{ ...process, ...times, holds, lastUse }], usage: [] });
    },
  };
}
