// First file of every thread. Plain JavaScript, because the cache of stripped and compiled sources must be on before the
// first TypeScript file is loaded: it makes the start of a thread several times faster, and saves it the memory of the
// stripper itself.
import module from 'node:module'
import { workerData } from 'node:worker_threads'

if (workerData.compileCache) module.enableCompileCache(workerData.compileCache)
await import(workerData.entry)
