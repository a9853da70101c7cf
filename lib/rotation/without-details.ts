/** What of somebody else's error may be kept: some carry bytes of a request or an answer in message or fields. */

/** The error's names and codes only, and those of its causes, as an error to keep as a cause. */
export function withoutDetails(error: unknown): Error {
  const names = new Set<string>();
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : undefined;
    names.add(code ?? at.name);
  }
  return new Error([...names].join(', ') || 'unknown failure');
}
