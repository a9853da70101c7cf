/** What a step writes to its log: the bench reckons with so many bytes, and each is paid for. */
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { assumed } from '../../bench/bill.ts';

/** What CloudWatch bills for a line beside its text. */
const perLine = 26;

let lines: string[] = [];

beforeAll(() => {
  lines = [];
  vi.resetModules();
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'INFO');
  vi.stubEnv('KEYTURN_STACK', 'keyturn-production-eu');
  vi.stubEnv(
    '_X_AMZN_TRACE_ID',
    'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
  );
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
});

afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

it('is no more than the bench assumes', async () => {
  const { stepHandler } = await import('../../lambdas/runtime/handler.ts');
  const { metrics } = await import('../../lambdas/runtime/telemetry.ts');
  const step = async () => {
    metrics.gauge('DrainSeconds', 86_400);
    return { next: 'deployKey', lookAt: '2026-03-02T08:00:00.000Z', targets: ['copy-for-billing-agent'] };
  };
  const ref = {
    credentialId: 'billing-agent-in-production',
    rotationId: 'a1f0d9c2-3b44-5e55-8f66-777788889999',
    run: 1,
    requestedBy: 'schedule',
  };
  const context = { awsRequestId: ref.rotationId, getRemainingTimeInMillis: () => 30_000 } as Context;
  await stepHandler('promoteKey', step, () => ({}))(ref, context);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + perLine, 0);
  expect(lines).toHaveLength(3);
  expect(bytes).toBeLessThanOrEqual(assumed.handlerLog);
});
