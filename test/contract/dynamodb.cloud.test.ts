/** Everything that is kept in the ledger's table keeps its contract on the local cloud's DynamoDB. */
import { dynamoDbBlocks } from '../../lib/aws/dynamodb-blocks.ts';
import { dynamoDbInstallation } from '../../lib/aws/dynamodb-installation.ts';
import { dynamoDbIssuerLocks } from '../../lib/aws/dynamodb-issuer-locks.ts';
import { dynamoDbLedger } from '../../lib/aws/dynamodb-ledger.ts';
import { dynamoDbRequests } from '../../lib/aws/dynamodb-requests.ts';
import { aCloudTable } from '../support/cloud-table.ts';
import { sharedCloud } from '../support/shared-cloud.ts';
import { blocksContract } from './blocks-contract.ts';
import { installationContract } from './installation-contract.ts';
import { issuerLocksContract } from './issuer-locks-contract.ts';
import { ledgerContract } from './ledger-contract.ts';
import { requestsContract } from './requests-contract.ts';

const config = sharedCloud();
const table = () => aCloudTable(config());

ledgerContract('DynamoDB', async () => dynamoDbLedger(await table()));
issuerLocksContract('DynamoDB', async () => dynamoDbIssuerLocks(await table()));
requestsContract('DynamoDB', async () => dynamoDbRequests(await table()));
blocksContract('DynamoDB, for issuers', async () => dynamoDbBlocks(await table(), 'issuerBlock'));
blocksContract('DynamoDB, for targets', async () => dynamoDbBlocks(await table(), 'targetBlock'));
installationContract('DynamoDB', async () => dynamoDbInstallation(await table()));
