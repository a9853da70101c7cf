/** The CDK app: one stack with one keyturn. Teams with an app of their own use the construct instead. */
import { App, Stack } from 'aws-cdk-lib';
import { Keyturn } from '../lib/constructs/keyturn.ts';

const app = new App();
const context = (name: string, fallback: string): string => app.node.tryGetContext(name) ?? fallback;

const stack = new Stack(app, context('stack', 'keyturn'), {
  description: 'Rotates the API keys that services and AI agents hold, without one failed call.',
});
new Keyturn(stack, 'Keyturn', { config: context('config', 'keyturn.yaml') });
