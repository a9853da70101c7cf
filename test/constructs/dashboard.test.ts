/** What the dashboard shows. */
import { describe, expect, it } from 'vitest';
import { credentialStatuses } from '../../lib/rotation/credential.ts';
import { gaugeNames } from '../../lib/rotation/ports.ts';
import { phases } from '../../lib/rotation/rotation.ts';
import { steps } from '../../lib/workflow/steps.ts';
import { aStack } from './a-stack.ts';

const dashboards = Object.values(aStack().template.findResources('AWS::CloudWatch::Dashboard'));
const body = JSON.stringify(dashboards[0]?.['Properties'].DashboardBody).replaceAll('\\"', '"');

describe('the dashboard', () => {
  it('has the stack’s name', () => {
    expect(dashboards.map(({ Properties }) => Properties.DashboardName)).toEqual(['keyturn']);
  });

  it.each([...gaugeNames, 'RotationOverdue', 'ExecutionsFailed', 'ApproximateNumberOfMessagesVisible'])(
    'shows %s',
    (metric) => {
      expect(body).toContain(`"${metric}"`);
    },
  );

  it('has a line for each phase of rotations and each status of credentials', () => {
    const lines = phases.map((phase) => `"phase","${phase}"`);
    const statuses = credentialStatuses.map((status) => `"status","${status}"`);
    expect([...lines, ...statuses].filter((line) => !body.includes(line))).toEqual([]);
  });

  it('has a line for the errors of each step', () => {
    const ids = Object.keys(steps).map((name) => name.replace(/^./, (first) => first.toUpperCase()));
    expect(ids.filter((id) => !body.includes(`"label":"${id}"`))).toEqual([]);
  });
});
