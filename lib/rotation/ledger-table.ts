/** Names of the ledger's table, once: the construct makes it from these, the adapters and the tests write by them. */

export const ledgerTable = {
  partitionKey: 'pk',
  sortKey: 'sk',
  /** Epoch seconds after which DynamoDB may remove a row; only rows that are meant to go carry it. */
  timeToLive: 'goneAfter',
  /** Rows that somebody must look at later, by when. Sparse: a row without both attributes is not in it. */
  dueIndex: {
    name: 'due',
    partitionKey: 'dueShard',
    sortKey: 'dueAt',
    /** Beside the keys, which are always there; the whole row is read from the table. */
    nonKeyAttributes: ['type'],
    /** One partition takes 1,000 writes a second; this many share them. */
    shards: 8,
  },
} as const;
