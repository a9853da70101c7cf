/**
 * A team's own CDK app with a keyturn in it: the platform's stack has the issuers, and each service declares its
 * credential beside what uses it. Deploys with `npx cdk deploy --app "node examples/cdk-app/app.ts" --all`. A project of
 * its own imports from the package instead of `../../lib`.
 */
import { App } from 'aws-cdk-lib';
import { InvoicerStack } from './invoicer-stack.ts';
import { PlatformStack } from './platform-stack.ts';

const app = new App();
const platform = new PlatformStack(app, 'platform');
new InvoicerStack(app, 'invoicer', { keyturn: platform.keyturn });
