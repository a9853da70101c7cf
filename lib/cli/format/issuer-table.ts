/** Issuers and what they can do as a table for people. */
import type { Capabilities } from '../../rotation/ports.ts';
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
  'USE LAG',
  'DENIED',
  'PROBES',
];

export const issuerTable = (issuers: readonly IssuerLine[]): readonly string[] =>
  table(header, issuers.map(cells));

function cells({ issuer, type, credentials, capabilities, reason }: IssuerLine): readonly string[] {
  const start = [issuer, type ?? '-', `${credentials}`];
  if (!capabilities) return [...start, `unknown: ${reason}`];
  const { maxLiveKeys, named, list, disable, expiry, exclusive, probes } = capabilities;
  const can = [named, list, disable, expiry, exclusive].map(yesOrNo);
  return [...start, `${maxLiveKeys}`, ...can, ...lags(capabilities), `${probes}`];
}

function lags({ createLag, revokeLag, lastUsedLag, reportsDenied }: Capabilities): readonly string[] {
  const useLag = lastUsedLag === null ? '-' : span(lastUsedLag);
  return [span(createLag), span(revokeLag), useLag, yesOrNo(reportsDenied)];
}

const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no');
