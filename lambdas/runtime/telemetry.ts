/** One logger and one set of metrics per function; both write to the log, so nothing waits for a network. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Ports } from '../../lib/rotation/ports.ts';

export const logger = new Logger({ serviceName: 'keyturn' });

const emf = new Metrics({ namespace: 'keyturn', serviceName: 'keyturn' });

/** Each count is an own EMF line, since its dimensions are its own. */
export const metrics: Ports['metrics'] = {
  count: (name, dimensions = {}) => {
    const single = emf.singleMetric();
    single.addDimensions({ ...dimensions });
    single.addMetric(name, MetricUnit.Count, 1);
  },
};
