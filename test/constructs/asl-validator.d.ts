/** asl-validator brings no types: the part that the tests use. */
declare module 'asl-validator' {
  interface Verdict {
    readonly isValid: boolean;
    errorsText(separator?: string): string;
  }
  /** Adds each state's query language to the definition that it is given. */
  const validate: (definition: object) => Verdict;
  export = validate;
}
