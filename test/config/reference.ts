/** The generated reference of keyturn.yaml: its JSON Schema for editors, and a page for people made of that. */
import * as z from 'zod';
import { wholeFileSchema } from '../../lib/config/schema.ts';
import { issuers } from '../../lib/issuers/index.ts';
import { targets } from '../../lib/targets/index.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** Draft 7, which every editor's YAML support knows. */
export const jsonSchema = (): Schema => ({
  title: 'keyturn.yaml',
  ...z.toJSONSchema(wholeFileSchema, { io: 'input', target: 'draft-7' }),
});

/** docs/config.md. */
export function configPage(): string {
  const schema = jsonSchema();
  const {
    secrets,
    issuers: issuerBlocks,
    targets: targetBlocks,
    credentials,
    ...rest
  } = propertiesOf(schema);
  const table = (properties: Properties) => tableOf(rowsOf({ ...schema, properties }, '', schema));
  const within = (block: Schema | undefined) => tableOf(rowsOf(elementOf(block), '', schema));
  return `# keyturn.yaml

<!-- Made from lib/config/schema.ts by test/config/reference.test.ts: change it there. -->

${introduction}

## The file

${table(rest)}

## \`secrets\`

${meaningOf(secrets)} Default: ${defaultOf(secrets)}. At most 20.

${within(secrets)}

## \`issuers\`

${meaningOf(issuerBlocks)} The \`type\` of a block says what else it has: ${pagesOf('issuers', issuers)}.

## \`targets\`

${meaningOf(targetBlocks)} The \`type\` of a block says what else it has: ${pagesOf('targets', targets)}.

## \`credentials\`

${meaningOf(credentials)} Each is a map of:

${within(credentials)}

### Windows

One window, or each of a list, is a map of:

${tableOf(rowsOf(resolve({ $ref: '#/definitions/window' }, schema), '', schema))}
`;
}

const introduction = `A duration is a whole number with a unit: \`10s\`, \`15m\`, \`4h\`, \`30d\`. Names and ids are of lower-case letters, digits
and dashes. Whatever is not known is refused, with its line and what was probably meant. Editors that know JSON Schema
help with this line at the top, which names [keyturn.schema.json](keyturn.schema.json):

\`\`\`yaml
# yaml-language-server: $schema=<path to keyturn>/docs/keyturn.schema.json
\`\`\`

The same can be written in TypeScript, in whole or credential by credential, with the same checks:

\`\`\`ts
const keyturn = new Keyturn(this, 'Keyturn', { config: { issuers: { registry: { type: 'http', … } } } });
const token = new Credential(keyturn, 'npm-token', { issuer: 'registry', owner: { name: 'platform' } });
token.grantUse(service.taskRole);
\`\`\``;

type Properties = Readonly<Record<string, Schema>>;

interface Row {
  readonly field: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The fields of an object, each followed by those within it. */
function rowsOf(object: Schema, path: string, root: Schema): readonly Row[] {
  return Object.entries(propertiesOf(object)).flatMap(([name, property]) => {
    const field = `${path}${name}`;
    const isRequired = object.required?.includes(name) ?? false;
    const row = {
      field,
      type: typeOf(property, root),
      fallback: isRequired ? '_required_' : defaultOf(property),
      meaning: meaningOf(property),
    };
    return [row, ...innerRows(property, field, root)];
  });
}

function innerRows(property: Schema, field: string, root: Schema): readonly Row[] {
  if (property.type === 'array') return rowsOf(elementOf(property), `${field}[].`, root);
  const inner = [property, ...(property.anyOf ?? [])].filter(isSchema);
  return inner.flatMap((each) => rowsOf(each, `${field}.`, root));
}

function typeOf(schema: Schema, root: Schema): string {
  const { anyOf, allOf, $ref, enum: names, type } = schema;
  const [, name] = /\/definitions\/(\w+)$/.exec($ref ?? allOf?.find(isSchema)?.$ref ?? '') ?? [];
  if (name === 'window') return '[window](#windows)';
  if (name !== undefined) return name;
  if (anyOf)
    return anyOf
      .filter(isSchema)
      .map((each) => typeOf(each, root))
      .join(' or ');
  if (names) return names.map((each) => `\`${each}\``).join(', ');
  if (type === 'array') return `list of ${typeOf(elementOf(schema), root)}`;
  return type === 'string' ? 'text' : 'map';
}

/** What a list, or a map by names of one's own, is made of. */
function elementOf(schema: Schema | undefined): Schema {
  const element = schema?.type === 'array' ? schema.items : schema?.additionalProperties;
  return isSchema(element) ? element : {};
}

function resolve({ $ref }: { readonly $ref: string }, { definitions }: Schema): Schema {
  const found = new Map(Object.entries(definitions ?? {})).get($ref.replace('#/definitions/', ''));
  return isSchema(found) ? found : {};
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function propertiesOf({ properties = {} }: Schema): Properties {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, each]) => (isSchema(each) ? [[name, each]] : [])),
  );
}

const meaningOf = (schema: Schema | undefined): string =>
  (schema?.description ?? '').replace(/ Default: .*$/, '');

/** A default that depends on other fields stands at the end of the description. */
function defaultOf(schema: Schema | undefined): string {
  const [, told] = / Default: (.*)\.$/.exec(schema?.description ?? '') ?? [];
  if (told !== undefined) return told;
  const found = schema?.default;
  // The fields of a map have defaults of their own.
  if (found === undefined || isSchema(found)) return '';
  if (Array.isArray(found) && found.length > 6) return 'all';
  return `\`${typeof found === 'string' ? found : JSON.stringify(found)}\``;
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ field, type, fallback, meaning }) => `| \`${field}\` | ${type} | ${fallback} | ${meaning} |`,
  );
  return ['| Field | Type | Default | Meaning |', '|---|---|---|---|', ...lines].join('\n');
}

const pagesOf = (folder: string, types: ReadonlyMap<string, unknown>): string =>
  [...types.keys()].map((type) => `[\`${type}\`](${folder}/${type}.md)`).join(', ');
