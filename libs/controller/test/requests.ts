/** Requests in their decoded form, short. */
export const topic = (name: string, numPartitions = 1, replicationFactor = 1, configs: [string, string][] = []) => ({
  name,
  numPartitions,
  replicationFactor,
  assignments: [],
  configs: configs.map(([key, value]) => ({ name: key, value })),
})
export const createTopics = (...topics: object[]) => ({ topics, timeoutMs: 1000, validateOnly: false })
