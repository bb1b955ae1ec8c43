/** Every message of the protocol. Hot paths import the one file that they need: `@troupe/wire/generated/00-produce`. */
export * from './generated/messages.ts'
