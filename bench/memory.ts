/** How much memory each function has, which is what its seconds cost: from the synthesized template. */
import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';

/** GB of a function, by its logical id without the hash at the end: `KeyturnIssueKey`. */
export type MemoryOf = (functionName: string) => number;

const withMemory = z.object({ Properties: z.object({ MemorySize: z.number() }) });

/** @throws Error for a function that the template has not, or that leaves its memory to Lambda's default. */
export function memoryIn(template: Pick<Template, 'findResources'>): MemoryOf {
  const functions = Object.entries(template.findResources('AWS::Lambda::Function'));
  return (functionName) => {
    const found = functions.find(([id]) => id.replace(/[0-9A-F]{8}$/, '') === functionName);
    if (!found) throw new Error(`the stack has no function ${functionName}: see what changed in its names`);
    return withMemory.parse(found[1]).Properties.MemorySize / 1024;
  };
}
