/** How a client reaches the local cloud, and nothing else. */
import type { Cloud } from '../local/cloud.ts';

export const cloudConfig = ({ endpoint }: Cloud) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});
