/** Gives the codecs and checksums of record batches to the core. */
import '@troupe/wire/native.node'

export function installCodecs(): void {}
