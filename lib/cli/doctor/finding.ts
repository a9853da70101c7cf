/** What a look at one thing has shown: the lines that `keyturn doctor` prints. */

/**
 * `ok` as it should be · `missing` not there · `wrong` there, and somebody has to do something · `unknown` it could
 * not be looked at, which says nothing of keyturn.
 */
export type FindingStatus = 'ok' | 'missing' | 'wrong' | 'unknown';

export interface Finding {
  /** What was looked at, by name. */
  readonly subject: string;
  readonly status: FindingStatus;
  /** What was seen, and what to do about it. */
  readonly text: string;
}

/** Something to look at. */
export interface Check {
  readonly subject: string;
  /** Harmless. @returns what was seen, or nothing but that it is well. */
  look(): Promise<Omit<Finding, 'subject'> | string>;
}

/** Looks; what is thrown becomes a finding. */
export async function findingOf({ subject, look }: Check): Promise<Finding> {
  try {
    const seen = await look();
    return typeof seen === 'string' ? { subject, status: 'ok', text: seen } : { subject, ...seen };
  } catch (error) {
    return { subject, ...failureSeen(error) };
  }
}

/** The doctor has the rights of whoever runs it: that these do not reach says nothing of keyturn's own. */
function failureSeen(error: unknown): Omit<Finding, 'subject'> {
  const said = wholeText(error);
  if (/AccessDenied|Forbidden|NotAuthorized|Unauthorized(?!\d)/.test(said)) {
    return {
      status: 'unknown',
      text: `you may not look at it; keyturn's own roles may: ${messageOf(error)}`,
    };
  }
  const status = /NotFound|DoesNotExist|NonExistent|NoSuch/.test(said) ? 'missing' : 'wrong';
  return { status, text: messageOf(error) };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);

/** Names and messages of an error and its causes. */
function wholeText(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message} ${wholeText(error.cause)}` : '';
}
