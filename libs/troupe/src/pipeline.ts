/** `troupe/pipeline`: pipelines as data, the serdes of their keys and values, and what runs them exactly once. */
export * from '@troupe/client/serdes'
export * from '@troupe/pipeline'
