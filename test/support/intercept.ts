/** Stands between a use-case and its ports: tests count calls there, break them, or let the process die. */
import type { Ports } from '../../lib/rotation/ports.ts';

export interface PortCall {
  /** `ledger`, `secrets`, `issuer`, `target` … */
  readonly port: string;
  readonly method: string;
}

/** Sees each call; `effect` carries it out. What it returns or throws is what the use-case gets. */
export type Hook = (call: PortCall, effect: () => Promise<unknown>) => Promise<unknown>;

export const callName = ({ port, method }: PortCall): string => `${port}.${method}`;

/** The same ports with every asynchronous call, an issuer's and a target's too, going through `hook`. */
export function intercepted(ports: Ports, hook: Hook): Ports {
  const { issuers, targets, clock } = ports;
  return {
    ...ports,
    ledger: hooked(ports.ledger, 'ledger', hook),
    issuerLocks: hooked(ports.issuerLocks, 'issuerLocks', hook),
    requests: hooked(ports.requests, 'requests', hook),
    secrets: hooked(ports.secrets, 'secrets', hook),
    issuerBlocks: hooked(ports.issuerBlocks, 'issuerBlocks', hook),
    targetBlocks: hooked(ports.targetBlocks, 'targetBlocks', hook),
    installation: hooked(ports.installation, 'installation', hook),
    roles: hooked(ports.roles, 'roles', hook),
    usage: hooked(ports.usage, 'usage', hook),
    events: hooked(ports.events, 'events', hook),
    executions: hooked(ports.executions, 'executions', hook),
    issuers: {
      connect: async (name) => hooked(await issuers.connect(name), 'issuer', hook),
    },
    targets: {
      connect: async (name) => hooked(await targets.connect(name), 'target', hook),
    },
    clock: { now: clock.now, sleep: hooked(clock, 'clock', hook).sleep },
  };
}

function hooked<T extends object>(target: T, port: string, hook: Hook): T {
  return new Proxy(target, {
    get(owner, method): unknown {
      const member: unknown = Reflect.get(owner, method);
      if (typeof member !== 'function' || typeof method !== 'string') return member;
      return (...args: readonly unknown[]) =>
        hook({ port, method }, async () => Reflect.apply(member, owner, args));
    },
  });
}
