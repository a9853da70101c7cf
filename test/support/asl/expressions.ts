/**
 * JSONata as Step Functions evaluates it: texts that are wholly `{% … %}`, at any depth of a value.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
 */
import jsonata from 'jsonata';
import { StateFailure } from './state-failure.ts';

/** What expressions may speak of: `$states` and the variables that were assigned. */
export interface Scope {
  readonly states: Readonly<Record<string, unknown>>;
  readonly variables: Readonly<Record<string, unknown>>;
}

const whole = /^\{%(?<code>.*)%\}$/s;
const compiled = new Map<string, jsonata.Expression>();

/** @throws StateFailure `States.QueryEvaluationError` for an expression that fails or comes to nothing. */
export async function evaluate(value: unknown, scope: Scope): Promise<unknown> {
  if (typeof value === 'string') return evaluateText(value, scope);
  if (Array.isArray(value)) return Promise.all(value.map((each) => evaluate(each, scope)));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(async ([name, each]) => [name, await evaluate(each, scope)]);
  return Object.fromEntries(await Promise.all(fields));
}

async function evaluateText(text: string, { states, variables }: Scope): Promise<unknown> {
  const code = whole.exec(text)?.groups?.['code'];
  if (code === undefined) return text;
  try {
    const result: unknown = await expressionOf(code).evaluate(undefined, { ...variables, states });
    if (result !== undefined) return plain(result);
  } catch (error) {
    throw queryFailure(code, error);
  }
  throw queryFailure(code, 'it comes to nothing');
}

function expressionOf(code: string): jsonata.Expression {
  const expression = compiled.get(code) ?? jsonata(code);
  compiled.set(code, expression);
  return expression;
}

/** JSONata's arrays carry marks of their own. */
const plain = (result: unknown): unknown => JSON.parse(JSON.stringify(result));

const queryFailure = (code: string, why: unknown): StateFailure =>
  new StateFailure(
    'States.QueryEvaluationError',
    `${code.trim()}: ${why instanceof Error ? why.message : why}`,
  );
