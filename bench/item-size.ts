/**
 * How large DynamoDB takes an item to be, by the documented rules.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
/** A row as the document client reads it. */
export type Item = Readonly<Record<string, unknown>>;

/** Bytes: names and values, in UTF-8. */
export const itemSize = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + bytes(name) + valueSize(value), 0);

function valueSize(value: unknown): number {
  if (typeof value === 'string') return bytes(value);
  if (typeof value === 'number') return numberSize(String(value));
  if (typeof value === 'boolean' || value === null) return 1;
  if (Array.isArray(value)) return 3 + value.reduce((sum, each) => sum + 1 + valueSize(each), 0);
  if (isPlain(value)) return 3 + itemSize(value) + Object.keys(value).length;
  throw new Error(`a value of type ${typeof value} has no size here: add its rule`);
}

const isPlain = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** About a byte for two digits, and one more. */
const numberSize = (digits: string): number => Math.ceil(digits.replaceAll(/[-.]/g, '').length / 2) + 1;

const bytes = (text: string): number => Buffer.byteLength(text);

const unitsOf = (size: number, unit: number): number => Math.max(1, Math.ceil(size / unit));

/** Write units of a change: the larger of the item before and after counts, per KiB. */
export const writeUnits = (before: Item | undefined, after: Item | undefined): number =>
  unitsOf(Math.max(before ? itemSize(before) : 0, after ? itemSize(after) : 0), 1024);

/** Units of a strongly consistent read of so many bytes, per 4 KiB; an eventually consistent one is half. */
export const readUnits = (size: number, consistent: boolean): number =>
  unitsOf(size, 4096) * (consistent ? 1 : 0.5);
