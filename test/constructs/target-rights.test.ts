/** Targets give rights to Deploy key alone: those of their blocks, and the values of keys only where a copy is held. */
import { describe, expect, it } from 'vitest';
import { aStack, keyturnYaml } from './a-stack.ts';

const withTargets = (blocks: string): string => `${keyturnYaml}targets:\n${blocks}`;

describe('targets that learn ids', () => {
  const stack = aStack(
    withTargets(`
  hook: { type: webhook, url: 'https://hooks.example.com/keyturn', signingSecret: team/hook }
  reload: { type: lambda, function: reload-gateway }
`),
  );

  it('let Deploy key call the function and read the signing secret', () => {
    expect(stack.whoMay('lambda:InvokeFunction', /function:reload-gateway"/)).toEqual(['DeployKey']);
    expect(stack.whoMay('secretsmanager:GetSecretValue', /team\/hook/)).toEqual(['DeployKey']);
  });

  it('do not let it read the values of keys', () => {
    expect(stack.whoMay('secretsmanager:GetSecretValue', /keys\//)).not.toContain('DeployKey');
  });
});

describe('a target that holds a copy', () => {
  const stack = aStack(withTargets("  copy: { type: ssm-parameter, name: '/app/${credential}/key' }\n"));

  it('lets Deploy key read the values of keys', () => {
    expect(stack.whoMay('secretsmanager:GetSecretValue', /keys\//)).toContain('DeployKey');
  });

  it('lets it write parameters of this name, and nobody else', () => {
    expect(stack.whoMay('ssm:PutParameter', /:parameter\/app\/\*\/key"/)).toEqual(['DeployKey']);
    expect(stack.whoMay('ssm:PutParameter', /parameter\/(?!keyturn\/)/)).toEqual(['DeployKey']);
  });
});
