/** A handler's environment is read whole or refused whole. */
import { expect, test } from 'vitest';
import { environment, readEnvironment, writeEnvironment } from '../../lib/config/environment.ts';

test('a handler gets what it asks for, typed and frozen', () => {
  const env = { KEYTURN_TABLE: 'ledger', KEYTURN_MODE: 'demo', KEYTURN_BUS: 'bus', PATH: '/bin' };
  const settings = readEnvironment(['table', 'mode'], env);
  expect(settings).toEqual({ table: 'ledger', mode: 'demo' });
  expect(Object.isFrozen(settings)).toBe(true);
});

test('all that is missing or wrong is named at once', () => {
  const env = { KEYTURN_TABLE: '', KEYTURN_MODE: 'often', KEYTURN_KMS_KEY_ARN: 'arn:aws:kms:::key/1' };
  expect(() => readEnvironment(['table', 'bus', 'mode', 'kmsKeyArn'], env)).toThrow(
    'KEYTURN_TABLE is "", expected some text; KEYTURN_BUS is missing; KEYTURN_MODE is "often", expected production or demo',
  );
});

test('what the construct writes is what a handler reads', () => {
  const written = writeEnvironment({ table: 'ledger', mode: 'demo' });
  expect(written).toEqual({ KEYTURN_TABLE: 'ledger', KEYTURN_MODE: 'demo' });
  expect(readEnvironment(['table', 'mode'], written)).toEqual({ table: 'ledger', mode: 'demo' });
});

test('every variable has a name of its own', () => {
  const names = Object.values(environment).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
