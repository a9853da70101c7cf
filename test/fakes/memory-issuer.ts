/**
 * An issuer in memory, twin of the real ones: for tests of the core, where a test moves the clock and breaks calls.
 *
 * Spec:
 * - A key is accepted and listed from `createLag` seconds after its creation, and until `revokeLag` seconds after
 *   its revoke. Before and after, a probe with it is `dead`, as an issuer that does not know a key would answer.
 * - A secret with another key's id is `dead` to a probe.
 * - A key that was given an end when it was made, or by `lifetime`, is neither accepted nor listed from then on.
 * - A disabled key is `dead` to a probe, still listed, and comes back with `enable`.
 * - Revoking an unknown or revoked key is fine; disabling, enabling or asking for the last use of one is rejected.
 * - A consumer's call (`call`) and a probe are accepted or refused alike, and both are uses. With a `lastUsedLag` the
 *   issuer tells the last accepted one, so many seconds later; with `reportsDenied` also the last refused one, of a key
 *   that it still knows: a disabled one's.
 * - Keys carry the label only when `named`; calls that the capabilities lack are rejected.
 * - `limit` keys at most, counting disabled ones: a further create is rejected. Unlimited by default, since one
 *   issuer may serve many credentials.
 * - Every secret contains the sentinel.
 */
import { IssuerRejected, IssuerUnavailable } from '../../lib/rotation/errors.ts';
import type {
  Capabilities,
  Clock,
  CreatedKey,
  Issuer,
  LastUse,
  ProbeAnswer,
} from '../../lib/rotation/ports.ts';
import { SecretText } from '../../lib/rotation/secret-text.ts';
import { type Instant, plus, type Seconds } from '../../lib/usage/instant.ts';
import { SENTINEL } from '../support/sentinel.ts';
import { lastUseBook } from './last-use-book.ts';

type IssuerVerb = 'create' | 'list' | 'probe' | 'lastUse' | 'revoke' | 'disable' | 'enable';

/** A key as the issuer knows it. */
interface MemoryKey {
  readonly keyId: string;
  readonly label: string | undefined;
  readonly secret: SecretText;
  readonly createdAt: Instant;
  /** When it ends by itself; null when it does not. */
  readonly expiresAt: Instant | null;
  readonly disabled: boolean;
  /** When the revoke was accepted; null while nobody has revoked it. */
  readonly revokedAt: Instant | null;
}

export interface MemoryIssuer extends Issuer {
  /** Every call so far, in order. */
  readonly calls: readonly { readonly verb: IssuerVerb; readonly keyId?: string }[];
  /** Every key ever made, in order of creation, revoked ones too. */
  keys(): readonly MemoryKey[];
  /** Keys that nobody has revoked. */
  liveKeys(): readonly MemoryKey[];
  /** What a probe with this secret would answer now; records no call and meets no fault. */
  answerTo(secret: SecretText): ProbeAnswer;
  /** A consumer's call with a key; a use, be it accepted or refused, but no call of keyturn's. */
  call(secret: SecretText): 'accepted' | 'refused';
  /** A key that somebody else made, by hand say. */
  addForeignKey(label?: string): MemoryKey;
  /** The next call of `verb` (or the next `times` calls) throws `error` and has no effect. */
  failNext(verb: IssuerVerb, error?: Error, times?: number): void;
  /** The next create makes its key, and then the caller gets `error`. */
  createThenFail(error?: Error): void;
  /** The next revoke ends its key, and then the caller gets `error`. */
  revokeThenFail(error?: Error): void;
  /** From now on a revoke is accepted and changes nothing, as in old Verdaccio; `false` heals it. */
  ignoreRevokes(ignore?: boolean): void;
  /** From now on every probe's answer passes through this: `() => 'alive'` is a probe that cannot be trusted. */
  distortProbes(distort: (answer: ProbeAnswer, secret: SecretText) => ProbeAnswer): void;
}

/** What the twin can do when a test does not say otherwise: everything, at once, but to say when keys are used. */
const memoryCapabilities: Capabilities = {
  create: 'api',
  maxLiveKeys: 10,
  named: true,
  list: true,
  disable: true,
  lastUsedLag: null,
  reportsDenied: false,
  expiry: true,
  keyIdInCalls: false,
  exclusive: true,
  createLag: 0,
  revokeLag: 0,
  probes: 2,
};

export function memoryIssuer(options: {
  readonly clock: Pick<Clock, 'now'>;
  readonly capabilities?: Partial<Capabilities>;
  /** Most keys at a time. @default no limit */
  readonly limit?: number;
  /** Seconds after which a key ends by itself, as its creation says. @default never */
  readonly lifetime?: Seconds;
  /** Begins every key id and shows in every secret, for tests with two issuers. @default 'key' */
  readonly name?: string;
}): MemoryIssuer {
  const { clock, limit = Number.POSITIVE_INFINITY, name = 'key', lifetime } = options;
  const capabilities: Capabilities = { ...memoryCapabilities, ...options.capabilities };
  const keys = new Map<string, MemoryKey>();
  const uses = lastUseBook({ clock, lag: capabilities.lastUsedLag ?? 0 });
  const calls: { verb: IssuerVerb; keyId?: string }[] = [];
  const before: { verb: IssuerVerb; error: Error }[] = [];
  const after: { verb: IssuerVerb; error: Error }[] = [];
  let revokesIgnored = false;
  let distortion = (answer: ProbeAnswer, _secret: SecretText): ProbeAnswer => answer;

  const known = (key: MemoryKey): boolean => {
    const now = clock.now();
    const born = plus(key.createdAt, capabilities.createLag) <= now;
    const ended = key.expiresAt !== null && key.expiresAt <= now;
    return born && !ended && (key.revokedAt === null || now < plus(key.revokedAt, capabilities.revokeLag));
  };
  const liveKeys = (): readonly MemoryKey[] => [...keys.values()].filter((key) => key.revokedAt === null);
  const mint = (label: string | undefined, expiresAt: Instant | null = null): MemoryKey => {
    const number = `${keys.size + 1}`;
    const keyId = `${name}-${number}`;
    const secret = new SecretText(`${SENTINEL}-${name}-${number.padStart(8, '0')}`);
    const createdAt = clock.now();
    const key = { keyId, label, secret, createdAt, expiresAt, disabled: false, revokedAt: null };
    keys.set(keyId, key);
    return key;
  };
  const change = (keyId: string, fields: Partial<MemoryKey>): void => {
    const key = keys.get(keyId);
    if (key) keys.set(keyId, { ...key, ...fields });
  };
  const mustKnow = (keyId: string): void => {
    if (keys.get(keyId)?.revokedAt !== null) throw new IssuerRejected(`the issuer knows no key ${keyId}`);
  };
  const meetFault = (faults: { verb: IssuerVerb; error: Error }[], verb: IssuerVerb): void => {
    const index = faults.findIndex((fault) => fault.verb === verb);
    const [fault] = index < 0 ? [] : faults.splice(index, 1);
    if (fault) throw fault.error;
  };
  const call = async <T>(verb: IssuerVerb, effect: () => T, keyId?: string): Promise<T> => {
    calls.push(keyId === undefined ? { verb } : { verb, keyId });
    meetFault(before, verb);
    const result = effect();
    meetFault(after, verb);
    return result;
  };
  const needs = (capable: boolean, verb: IssuerVerb): void => {
    if (!capable) throw new IssuerRejected(`this issuer has no ${verb}`);
  };
  const answerTo = (secret: SecretText): ProbeAnswer => {
    const key = [...keys.values()].find((each) => each.secret.reveal() === secret.reveal());
    return key && known(key) && !key.disabled ? 'alive' : 'dead';
  };
  const use = (secret: SecretText): ProbeAnswer => {
    const answer = answerTo(secret);
    const key = [...keys.values()].find((each) => each.secret.reveal() === secret.reveal());
    if (key && answer === 'alive') uses.accepted(key.keyId);
    else if (key && known(key)) uses.refused(key.keyId);
    return answer;
  };
  const answerToBoth = (secret: SecretText, keyId: string): ProbeAnswer =>
    keys.get(keyId)?.secret.reveal() === secret.reveal() ? use(secret) : 'dead';
  const create = ({ label, expiresAt: wanted }: Parameters<Issuer['create']>[0]): CreatedKey => {
    needs(capabilities.create === 'api', 'create');
    if (wanted && !capabilities.expiry) throw new IssuerRejected('this issuer cannot give keys an end');
    if (liveKeys().length >= limit)
      throw new IssuerRejected(`the issuer allows ${limit} keys, all are in use`);
    const expiresAt = wanted ?? (lifetime === undefined ? null : plus(clock.now(), lifetime));
    const { keyId, secret } = mint(capabilities.named ? label : undefined, expiresAt);
    return { keyId, secret, expiresAt };
  };
  const list = () => {
    needs(capabilities.list, 'list');
    return [...keys.values()].filter(known).map(({ keyId, label, createdAt }) => ({
      keyId,
      createdAt,
      ...(label === undefined ? {} : { label }),
    }));
  };
  const revoke = (keyId: string): void => {
    const key = keys.get(keyId);
    if (key?.revokedAt === null && !revokesIgnored) change(keyId, { revokedAt: clock.now() });
  };
  const toggle = (verb: 'disable' | 'enable', keyId: string): void => {
    needs(capabilities.disable, verb);
    mustKnow(keyId);
    change(keyId, { disabled: verb === 'disable' });
  };
  const lastUse = (keyId: string): LastUse => {
    needs(capabilities.lastUsedLag !== null, 'lastUse');
    mustKnow(keyId);
    const told = uses.of(keyId);
    return capabilities.reportsDenied ? told : { ...told, lastDeniedAt: null };
  };
  const unavailable = (): Error => new IssuerUnavailable('the issuer did not answer');

  return {
    capabilities,
    calls,
    create: (request) => call('create', () => create(request)),
    list: () => call('list', list),
    probe: (secret, keyId) => call('probe', () => distortion(answerToBoth(secret, keyId), secret)),
    lastUse: (keyId) => call('lastUse', () => lastUse(keyId), keyId),
    revoke: (keyId) => call('revoke', () => revoke(keyId), keyId),
    disable: (keyId) => call('disable', () => toggle('disable', keyId), keyId),
    enable: (keyId) => call('enable', () => toggle('enable', keyId), keyId),
    keys: () => [...keys.values()],
    liveKeys,
    answerTo,
    call: (secret) => (use(secret) === 'alive' ? 'accepted' : 'refused'),
    addForeignKey: (label) => mint(label),
    failNext: (verb, error = unavailable(), times = 1) => {
      for (let time = 0; time < times; time += 1) before.push({ verb, error });
    },
    createThenFail: (error = unavailable()) => void after.push({ verb: 'create', error }),
    revokeThenFail: (error = unavailable()) => void after.push({ verb: 'revoke', error }),
    ignoreRevokes: (ignore = true) => {
      revokesIgnored = ignore;
    },
    distortProbes: (distort) => {
      distortion = distort;
    },
  };
}
