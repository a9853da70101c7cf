/** The in-memory usage book is a usage book. */
import { memoryUsageBook } from '../fakes/memory-usage-book.ts';
import { usageBookContract } from './usage-book-contract.ts';

usageBookContract('the memory usage book', async (credentialId, { generations, senders }) => {
  const book = memoryUsageBook();
  book.register(credentialId, generations, senders);
  return book;
});
