/** The rotation state machine as the construct synthesizes it, and which step each of its functions is. */
import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import { type StepName, steps } from '../../../lib/workflow/steps.ts';
import { aStack } from '../../constructs/a-stack.ts';
import { parseMachine, type States } from './definition.ts';

const properties = z.object({ 'Fn::Join': z.tuple([z.literal(''), z.array(z.unknown())]) });

/** The definition with every reference to another resource as its logical id, without the hash at its end. */
export function definitionIn(template: Template): unknown {
  const found = Object.values(template.findResources('AWS::StepFunctions::StateMachine'))[0];
  const parts = properties.parse(found?.['Properties'].DefinitionString)['Fn::Join'][1];
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : named(part))).join(''));
}

const named = (reference: unknown): string =>
  (/Keyturn\w+?(?=[0-9A-F]{8}")/.exec(JSON.stringify(reference))?.[0] ?? 'partition').toString();

/** @throws Error when the construct uses a part of the language that the runner does not model. */
export const synthesizedMachine = (template = aStack().template): States =>
  parseMachine(definitionIn(template));

/** `KeyturnIssueKey` is step `issueKey`. @throws Error for a function that is no step. */
export function stepOf(functionName: string): StepName {
  const name = functionName.replace(/^Keyturn(\w)/, (_, first: string) => first.toLowerCase());
  if (isStep(name)) return name;
  throw new Error(`the state machine calls ${functionName}, which is no step of lib/workflow/steps.ts`);
}

const isStep = (name: string): name is StepName => Object.hasOwn(steps, name);
