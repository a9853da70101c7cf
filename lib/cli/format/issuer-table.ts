/** Issuers and what they can do as a table for people. */
import { span } from '../../usage/span.ts';
import type { IssuerLine } from '../commands/issuers.ts';
import { table } from './table.ts';

const header = [
  'ISSUER',
  'TYPE',
  'CREDENTIALS',
  'LIVE KEYS',
  'LABEL',
  'LIST',
  'DISABLE',
  'EXPIRY',
  'EXCLUSIVE',
  'CREATE LAG',
  'REVOKE LAG',
  'PROBES',
];

export const issuerTable = (issuers: readonly IssuerLine[]): readonly string[] =>
  table(header, issuers.map(cells));

function cells({ issuer, type, credentials, capabilities, reason }: IssuerLine): readonly string[] {
  const start = [issuer, type ?? '-', `${credentials}`];
  if (!capabilities) return [...start, `unknown: ${reason}`];
  const { maxLiveKeys, named, list, disable, expiry, exclusive, createLag, revokeLag, probes } = capabilities;
  const can = [named, list, disable, expiry, exclusive].map((each) => (each ? 'yes' : 'no'));
  return [...start, `${maxLiveKeys}`, ...can, span(createLag), span(revokeLag), `${probes}`];
}
