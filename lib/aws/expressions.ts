/** DynamoDB expressions put together from named conditions; names are always aliased, since any may be reserved. */

/** A piece of an expression, with the names and values that it speaks of. */
export interface Expression {
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
}

/** The attribute at a path like `lease.until` compared with a value; a path that is not there compares false. */
export function compare(path: string, operator: '=' | '<' | '<=' | '>=', value: unknown): Expression {
  const placeholder = `:${path.replace('.', '_')}`;
  return {
    text: `${aliased(path)} ${operator} ${placeholder}`,
    names: aliases(path),
    values: { [placeholder]: value },
  };
}

export const equals = (path: string, value: unknown): Expression => compare(path, '=', value);

export const absent = (name: string): Expression => ({
  text: `attribute_not_exists(${aliased(name)})`,
  names: aliases(name),
  values: {},
});

export const present = (name: string): Expression => ({
  text: `attribute_exists(${aliased(name)})`,
  names: aliases(name),
  values: {},
});

export const beginsWith = (name: string, prefix: string): Expression => ({
  text: `begins_with(${aliased(name)}, :${name})`,
  names: aliases(name),
  values: { [`:${name}`]: prefix },
});

/** From the one to the other, with both. */
export const between = (name: string, first: string, last: string): Expression => ({
  text: `${aliased(name)} BETWEEN :first_${name} AND :last_${name}`,
  names: aliases(name),
  values: { [`:first_${name}`]: first, [`:last_${name}`]: last },
});

export const all = (...parts: readonly Expression[]): Expression => joined(' AND ', parts);

export const either = (...parts: readonly Expression[]): Expression => joined(' OR ', parts);

/** A condition as a write takes it; the row that fails it comes back with the refusal. */
export const onlyIf = (condition: Expression) => ({
  ConditionExpression: condition.text,
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  ...placeholders(condition),
});

/** An update that sets whole fields if the condition holds. */
export function setting(fields: Readonly<Record<string, unknown>>, condition: Expression) {
  const names = Object.keys(fields);
  const values = Object.fromEntries(names.map((name) => [`:new_${name}`, fields[name]]));
  return {
    ...onlyIf({
      text: condition.text,
      names: Object.assign({}, condition.names, ...names.map(aliases)),
      values: { ...condition.values, ...values },
    }),
    UpdateExpression: `SET ${names.map((name) => `${aliased(name)} = :new_${name}`).join(', ')}`,
  };
}

/** The aliases and values of all these expressions, as every request takes them: no values rather than none. */
export function placeholders(...parts: readonly Expression[]) {
  const { names, values } = joined('', parts);
  return {
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}

function joined(by: string, parts: readonly Expression[]): Expression {
  return {
    text: parts.map((part) => `(${part.text})`).join(by),
    names: Object.assign({}, ...parts.map((part) => part.names)),
    values: Object.assign({}, ...parts.map((part) => part.values)),
  };
}

const aliased = (path: string): string =>
  path
    .split('.')
    .map((name) => `#${name}`)
    .join('.');

const aliases = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(path.split('.').map((name) => [`#${name}`, name]));
