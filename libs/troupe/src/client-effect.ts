/** `troupe/client/effect`: the client for programs written with Effect, which is an optional peer dependency. */
export * from '@troupe/client/effect'
