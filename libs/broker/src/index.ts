/** The front of a broker: connections and one handler per API key. */
export { front } from './front.ts'
export * from './transport.ts'
export { handlers } from './handlers.ts'
