/** Setup of the unit tests: whatever a test prints, no secret may be in it. */
import { afterEach } from 'vitest';
import { holdsSecret } from './expect-no-secret.ts';

/** Where something was printed that held the sentinel; the text itself is not kept. */
const leaks = new Set<string>();

const methods = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const;

for (const method of methods) watch(console, method, `console.${method}`);
watch(process.stdout, 'write', 'stdout');
watch(process.stderr, 'write', 'stderr');

afterEach(() => {
  const places = [...leaks];
  leaks.clear();
  if (places.length > 0)
    throw new Error(`a secret was printed to ${places.join(', ')}: print its version id instead`);
});

/** Puts a listener in front of a method that prints; what it prints goes on as before. */
function watch<T extends object>(owner: T, method: keyof T & string, place: string): void {
  const print: unknown = owner[method];
  if (typeof print !== 'function') return;
  Object.defineProperty(owner, method, {
    configurable: true,
    writable: true,
    enumerable: true,
    value: (...args: readonly unknown[]): unknown => {
      if (args.some(holdsSecret)) leaks.add(place);
      return Reflect.apply(print, owner, args);
    },
  });
}
