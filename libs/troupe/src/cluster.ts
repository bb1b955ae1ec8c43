/** `troupe/cluster`: real brokers in this process, and a test's hands on them. */
export * from '@troupe/cluster'
