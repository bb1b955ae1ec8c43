/** `troupe/simulate`: the very same pipeline inside the simulator, under every crash that a seed can draw. */
export * from '@troupe/simulator/pipeline/simulate.node'
