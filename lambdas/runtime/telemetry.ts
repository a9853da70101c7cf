/** One logger and one set of metrics per function; both write to the log, so nothing waits for a network. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { readEnvironment } from '../../lib/config/environment.ts';
import type { Ports } from '../../lib/rotation/ports.ts';
import { metricNamespace, serviceName, stackDimensions } from '../../lib/workflow/metric-address.ts';

export const logger = new Logger({ serviceName });

let emf: Metrics | undefined;

/** Each number is an EMF line of its own, since what stands beside it is its own. */
function aLine(): Metrics {
  emf ??= new Metrics({
    namespace: metricNamespace,
    serviceName,
    defaultDimensions: { ...stackDimensions(readEnvironment('stack').stack) },
  });
  return emf.singleMetric();
}

export const metrics: Ports['metrics'] = {
  /**
   * What a count is about stands in its log line and is no dimension: an alarm reads one metric of the whole stack,
   * and a metric of its own for each of 10,000 credentials would be paid for each.
   */
  count: (name, details = {}) => {
    const line = aLine();
    for (const [detail, value] of Object.entries(details)) line.addMetadata(detail, value);
    line.addMetric(name, MetricUnit.Count, 1);
  },
  gauge: (name, value, dimensions = {}) => {
    const line = aLine();
    line.addDimensions({ ...dimensions });
    line.addMetric(name, MetricUnit.NoUnit, value);
  },
};
