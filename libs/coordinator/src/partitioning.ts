/**
 * Which partition of `__consumer_offsets` (by group id) or `__transaction_state` (by transactional.id) an id lives in.
 *
 * Source: GroupCoordinatorService.partitionFor, TransactionStateManager.partitionFor: both use Java's
 * String.hashCode and Utils.abs, so any other hash would make Kafka look into the wrong partition.
 */

/** Java's `String.hashCode`: over UTF-16 code units, in 32-bit arithmetic. */
export function javaStringHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/** `count`: partitions of the internal topic. */
export function partitionFor(id: string, count: number): number {
  return (javaStringHash(id) & 0x7fffffff) % count
}
