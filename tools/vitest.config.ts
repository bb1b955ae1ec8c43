/** How every package runs its tests. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', '*.test.ts', 'suites/**/*.test.ts', 'side-by-side/**/*.test.ts', '*/*.test.ts'],
    reporters: ['default', ['json', { outputFile: '.vitest/report.json' }]],
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Two cores: more would only make timing-sensitive process tests wait for each other.
    maxWorkers: 2,
    passWithNoTests: false,
  },
})
