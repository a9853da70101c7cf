/** Everything that a run leaves where people and tools can read it, as one text to search. */
import { readFile } from 'node:fs/promises';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetExecutionHistoryCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { Deployed } from './deployed.ts';

/** The ledger's rows, the histories of all executions with their states' inputs and outputs, and the cloud's log. */
export async function leftBehind(on: Deployed): Promise<string> {
  const parts = [await rows(on), await histories(on), await readFile(on.cloud.logFile, 'utf8')];
  return parts.join('\n');
}

async function rows({ aws, addresses }: Deployed): Promise<string> {
  const pages = paginateScan({ client: new DynamoDBClient(aws) }, { TableName: addresses.table });
  const texts: string[] = [];
  for await (const { Items = [] } of pages) texts.push(JSON.stringify(Items));
  return texts.join('\n');
}

async function histories({ aws, addresses }: Deployed): Promise<string> {
  const client = new SFNClient(aws);
  const { executions = [] } = await client.send(
    new ListExecutionsCommand({ stateMachineArn: addresses['state-machine'], maxResults: 100 }),
  );
  const texts = executions.map(async ({ executionArn }) => {
    const { events = [] } = await client.send(
      new GetExecutionHistoryCommand({ executionArn, maxResults: 1000, includeExecutionData: true }),
    );
    return JSON.stringify(events);
  });
  return (await Promise.all(texts)).join('\n');
}
