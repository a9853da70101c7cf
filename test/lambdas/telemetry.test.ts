/** The EMF lines that CloudWatch makes metrics of, read as CloudWatch reads them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { metrics } from '../../lambdas/runtime/telemetry.ts';

const emfLine = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.tuple([
      z.object({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
      }),
    ]),
  }),
});

let lines: string[] = [];

beforeEach(() => {
  lines = [];
  vi.stubEnv('KEYTURN_STACK', 'keyturn-eu');
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** The metrics of the one line that was written: `name{dimension=value,…}`, one for each set of dimensions. */
function written() {
  const line = emfLine.parse(JSON.parse(lines.join('')));
  const [{ Namespace, Dimensions, Metrics }] = line._aws.CloudWatchMetrics;
  const sets = Dimensions.map((names) => names.map((name) => `${name}=${String(line[name])}`).join(','));
  const names = Metrics.flatMap(({ Name, Unit }) =>
    sets.map((set) => `${Namespace} ${Name}{${set}} ${Unit}`),
  );
  return { names, line };
}

test('a count is one metric of the whole stack, whatever it is about', () => {
  metrics.count('RotationOverdue', { credential: 'npm-token' });
  const { names, line } = written();
  expect(names).toEqual(['keyturn RotationOverdue{service=keyturn,stack=keyturn-eu} Count']);
  expect(line).toMatchObject({ RotationOverdue: 1, credential: 'npm-token' });
});

test('a gauge is a metric for each of its dimensions', () => {
  metrics.gauge('RotationsUnderWay', 3, { phase: 'grace' });
  const { names, line } = written();
  expect(names).toEqual(['keyturn RotationsUnderWay{service=keyturn,stack=keyturn-eu,phase=grace} None']);
  expect(line['RotationsUnderWay']).toBe(3);
});

test('a gauge without dimensions is a metric of the stack', () => {
  metrics.gauge('CredentialsDue', 0);
  expect(written().names).toEqual(['keyturn CredentialsDue{service=keyturn,stack=keyturn-eu} None']);
});
