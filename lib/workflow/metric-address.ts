/** Where keyturn's numbers are in CloudWatch: handlers write there, alarms and dashboard read there. */

export const metricNamespace = 'keyturn';

/** Value of the dimension `service`, and the name under which handlers log. */
export const serviceName = 'keyturn';

/** What every number of a stack has in common; a gauge may have one dimension more. */
export const stackDimensions = (stack: string): Readonly<Record<string, string>> => ({
  service: serviceName,
  stack,
});
