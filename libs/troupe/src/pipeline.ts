/** `troupe/pipeline`: pipelines as data, and what runs them exactly once. */
export * from '@troupe/pipeline'
