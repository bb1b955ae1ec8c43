/** Runs the frame replayer beside the bench's own thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { replayProduce, type ReplayOptions } from './raw-client.ts'

parentPort!.postMessage(await replayProduce(workerData as ReplayOptions))
