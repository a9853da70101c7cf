/**
 * The part of the Amazon States Language that the runner models. Every object is strict: a field that keyturn's
 * state machine begins to use fails here, instead of being ignored by the runner and obeyed by AWS.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
 */
import * as z from 'zod';

/** A value with expressions `{% … %}` at any depth. */
const template = z.json();
const expression = z.templateLiteral(['{%', z.string(), '%}']);

/** What every state may say of itself; JSONPath is not modelled. */
const common = { Comment: z.string().optional(), QueryLanguage: z.literal('JSONata').optional() };

const onward = {
  Assign: z.record(z.string(), template).optional(),
  Output: template.optional(),
};

/** Exactly one of both, which the runner checks. */
const nextOrEnd = { Next: z.string().optional(), End: z.literal(true).optional() };

const retrier = z.strictObject({
  ErrorEquals: z.array(z.string()).min(1),
  IntervalSeconds: z.int().positive().default(1),
  BackoffRate: z.number().min(1).default(2),
  MaxAttempts: z.int().nonnegative().default(3),
  MaxDelaySeconds: z.int().positive().optional(),
  JitterStrategy: z.enum(['FULL', 'NONE']).default('NONE'),
  Comment: common.Comment,
});

const catcher = z.strictObject({
  ErrorEquals: z.array(z.string()).min(1),
  Next: z.string(),
  Comment: common.Comment,
  ...onward,
});

const failing = { Retry: z.array(retrier).default([]), Catch: z.array(catcher).default([]) };

const callback = '.waitForTaskToken';

const task = z
  .strictObject({
    Type: z.literal('Task'),
    Resource: z.templateLiteral(['arn:', z.string(), ':states:::lambda:invoke', z.enum(['', callback])]),
    Arguments: z.strictObject({ FunctionName: z.string(), Payload: template }),
    /** Only of a callback, which must have one: without it AWS would wait for a year. */
    TimeoutSeconds: z.int().positive().optional(),
    ...common,
    ...onward,
    ...nextOrEnd,
    ...failing,
  })
  .refine(({ Resource, TimeoutSeconds }) => Resource.endsWith(callback) === (TimeoutSeconds !== undefined), {
    error: 'a callback, and nothing else, has TimeoutSeconds',
  });

const choice = z.strictObject({
  Type: z.literal('Choice'),
  Choices: z
    .array(z.strictObject({ Condition: expression, Next: z.string(), Comment: common.Comment, ...onward }))
    .min(1),
  Default: z.string().optional(),
  ...common,
  ...onward,
});

const wait = z.strictObject({
  Type: z.literal('Wait'),
  Timestamp: z.string().optional(),
  Seconds: z.union([z.int().nonnegative(), expression]).optional(),
  ...common,
  ...onward,
  ...nextOrEnd,
});

const pass = z.strictObject({ Type: z.literal('Pass'), ...common, ...onward, ...nextOrEnd });

const succeed = z.strictObject({
  Type: z.literal('Succeed'),
  ...common,
  Output: template.optional(),
});

const fail = z.strictObject({
  Type: z.literal('Fail'),
  ...common,
  Error: z.string().optional(),
  Cause: z.string().optional(),
});

const plain = [task, choice, wait, pass, succeed, fail] as const;

/** What a Map does with each item; a Map within a Map is not modelled. */
const processor = z.strictObject({
  ProcessorConfig: z.strictObject({ Mode: z.literal('INLINE') }).optional(),
  ...statesOf(z.discriminatedUnion('Type', plain)),
});

const map = z.strictObject({
  Type: z.literal('Map'),
  Items: z.union([z.array(template), expression]).optional(),
  ItemSelector: template.optional(),
  MaxConcurrency: z.int().nonnegative().default(0),
  ItemProcessor: processor,
  ...common,
  ...onward,
  ...nextOrEnd,
  ...failing,
});

const machine = z.strictObject({
  QueryLanguage: z.literal('JSONata'),
  ...statesOf(z.discriminatedUnion('Type', [...plain, map])),
});

function statesOf<Kind extends z.ZodType>(state: Kind) {
  return { StartAt: z.string(), States: z.record(z.string(), state), Comment: z.string().optional() };
}

export type Retrier = z.output<typeof retrier>;
export type Catcher = z.output<typeof catcher>;
export type TaskState = z.output<typeof task>;
export type MapState = z.output<typeof map>;
export type WaitState = z.output<typeof wait>;
export type ChoiceState = z.output<typeof choice>;

/** States with an entrance: a whole machine, or what a Map does with each item. */
export type States = Pick<z.output<typeof machine>, 'StartAt' | 'States'>;

export type State = States['States'][string];

/** @throws Error for a field or a kind of state that the runner does not model. */
export const parseMachine = (written: unknown): States => machine.parse(written);
