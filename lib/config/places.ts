/** Where in the YAML text a path is, for error texts that an editor can jump to. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Mistake } from './mistakes.ts';

export interface YamlText {
  /** The plain value; undefined when the text is not YAML. */
  readonly value: unknown;
  /** Mistakes in the YAML itself, with their places. */
  readonly syntax: readonly { readonly place: Place; readonly text: string }[];
  /** Where a mistake is, or the nearest thing around it that the text has. */
  placeOf(mistake: Pick<Mistake, 'path' | 'of'>): Place;
}

/** Both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    place: placeAt(pos[0]),
    text: code === 'MULTIPLE_DOCS' ? 'expected one document, but "---" begins another' : message,
  }));
  const { value, fault } = faults.length > 0 ? {} : plainValue(document);
  return {
    value,
    syntax: fault === undefined ? faults : [{ place: placeAt(0), text: fault }],
    placeOf: ({ path, of }) => placeAt(offsetOf(document, path, of)),
  };
}

/** An alias without its anchor, or too many of them, shows only now. */
function plainValue(document: Document): { readonly value?: unknown; readonly fault?: string } {
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : `${error}` };
  }
}

function offsetOf(document: Document, path: Mistake['path'], of: Mistake['of']): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [at, step] of path.entries()) {
    const { key, value } = childOf(resolved(node, document), step);
    const wanted = of === 'key' && at === path.length - 1 ? key : (value ?? key);
    offset = startOf(wanted) ?? startOf(key) ?? offset;
    if (!value) break;
    node = value;
  }
  return offset;
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function childOf(parent: unknown, step: PropertyKey): { readonly key?: unknown; readonly value?: unknown } {
  if (isSeq(parent)) return { value: parent.items[Number(step)] };
  if (!isMap(parent)) return {};
  const pair = parent.items.find(({ key }) => isScalar(key) && `${key.value}` === String(step));
  return pair ? { key: pair.key, value: pair.value } : {};
}

function startOf(node: unknown): number | undefined {
  const range = isNode(node) ? node.range : undefined;
  return range?.[0];
}

function isNode(node: unknown): node is Node {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
}
