/** The target that is a Lambda function of the team: it is called with ids, or restarted so that it reads again. */
import * as z from 'zod';
import { millisecondsFor } from '../plug-ins/patience.ts';
import { defineTarget } from './define-target.ts';
import { noticeOf } from './notice.ts';

/** Seconds that a called function may take; never more than half of what the invocation has left. */
const patience = 30;

const nameOnly = /^[A-Za-z0-9_-]{1,64}$/;
const unqualified = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}$/;
const qualified =
  /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_$-]{1,128}$/;

const block = z
  .strictObject({
    type: z.literal('lambda'),
    /** A name in this account and Region, or an ARN, with an alias or version if it is to be called by that. */
    function: z
      .string()
      .refine((name) => [nameOnly, unqualified, qualified].some((form) => form.test(name)), {
        error: "expected a function's name in this account, or the ARN of a function, version or alias",
      }),
    /** `restart` is for functions that read the secret when they start and keep the key as long as they live. */
    action: z.enum(['invoke', 'restart']).default('invoke'),
  })
  .refine((found) => found.action === 'invoke' || !qualified.test(found.function), {
    path: ['function'],
    error:
      'a restart reaches only $LATEST: name the function without version and alias, or use action: invoke',
  });

export const lambda = defineTarget({
  type: 'lambda',
  config: block,
  permissions: ({ function: name, action }) => {
    const resources = [
      nameOnly.test(name) ? `arn:\${Partition}:lambda:\${Region}:\${Account}:function:${name}` : name,
    ];
    const may = (...actions: readonly string[]) => [{ kind: 'iam', actions, resources }] as const;
    return action === 'invoke'
      ? { deploy: may('lambda:InvokeFunction'), check: may('lambda:InvokeFunction') }
      : {
          deploy: may('lambda:GetFunctionConfiguration', 'lambda:UpdateFunctionConfiguration'),
          check: may('lambda:GetFunctionConfiguration'),
        };
  },
  reads: 'ids',
  connect: ({ function: name, action }, world) =>
    action === 'invoke'
      ? {
          deploy: (deployment) =>
            world.functions.invoke(
              name,
              JSON.stringify(noticeOf(deployment)),
              millisecondsFor(world, patience),
            ),
          check: () => world.functions.mayInvoke(name),
        }
      : {
          deploy: ({ credentialId, versionId }) =>
            world.functions.setVariable(name, variableOf(credentialId), versionId),
          check: () => world.functions.look(name),
        },
});

/**
 * The variable whose change makes Lambda start the function anew, one per credential, so that several can share a
 * function without taking turns.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
const variableOf = (credentialId: string): string =>
  `KEYTURN_VERSION_${credentialId.toUpperCase().replaceAll('-', '_')}`;
