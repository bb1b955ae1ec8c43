/** `npm run bench -- [what] [options]`: brokers (the default), clients, or pipelines, each beside what it is held against. */
const benches = {
  brokers: () => import('./brokers.ts'),
  clients: () => import('./clients/main.ts'),
  pipelines: () => import('./pipelines/main.ts'),
}

const [first = ''] = process.argv.slice(2)
const isNamed = Object.hasOwn(benches, first)
if (!isNamed && first !== '' && !first.startsWith('-')) {
  console.error(`bench: there is no bench ${first}; there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
if (isNamed) process.argv.splice(2, 1)
await benches[isNamed ? (first as keyof typeof benches) : 'brokers']()
