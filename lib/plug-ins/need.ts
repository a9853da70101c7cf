/** The rights that a plug-in's calls need in AWS, as data: the construct turns them into policy statements. */

/** One right. */
export type Need =
  /** To read the value of the Secrets Manager secret with this name. */
  | { readonly kind: 'secret-read'; readonly secret: string }
  /**
   * Anything else in AWS. Resources are ARNs in the notation of the IAM documentation, which the construct fills
   * in: `arn:${Partition}:iam::${Account}:user/keyturn/*`.
   */
  | { readonly kind: 'iam'; readonly actions: readonly string[]; readonly resources: readonly string[] };
