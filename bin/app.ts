/** The CDK app: one stack with one keyturn. Teams with an app of their own use the construct instead. */
import { App, Stack } from 'aws-cdk-lib';
import { Keyturn } from '../lib/constructs/keyturn.ts';
import { InvalidInput } from '../lib/rotation/errors.ts';

const app = new App();
const context = (name: string, fallback: string): string => app.node.tryGetContext(name) ?? fallback;

try {
  const description = 'Rotates the API keys that services and AI agents hold, without one failed call.';
  const stack = new Stack(app, context('stack', 'keyturn'), { description });
  new Keyturn(stack, 'Keyturn', { config: context('config', 'keyturn.yaml') });
} catch (error) {
  if (!(error instanceof InvalidInput)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
