/** One logger and one set of metrics per function; both write to the log, so nothing waits for a network. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Ports } from '../../lib/rotation/ports.ts';

export const logger = new Logger({ serviceName: 'keyturn' });

const emf = new Metrics({ namespace: 'keyturn', serviceName: 'keyturn' });

/** Each number is an EMF line of its own, since its dimensions are its own. */
export const metrics: Ports['metrics'] = {
  count: (name, dimensions) => put(name, MetricUnit.Count, 1, dimensions),
  gauge: (name, value, dimensions) => put(name, MetricUnit.NoUnit, value, dimensions),
};

type Unit = (typeof MetricUnit)[keyof typeof MetricUnit];

function put(name: string, unit: Unit, value: number, dimensions: Readonly<Record<string, string>> = {}) {
  const single = emf.singleMetric();
  single.addDimensions({ ...dimensions });
  single.addMetric(name, unit, value);
}
