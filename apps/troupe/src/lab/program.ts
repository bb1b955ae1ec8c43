/**
 * The verbs of the lab and their options. Each verb is a file, read when it is needed: `--help` should not wait for a
 * whole cluster to be compiled.
 */
import { Command, CommanderError, Option } from 'commander'
import { bounds, faults, integer, oneOf, positive, safeguards, UsageError } from './usage.ts'

/** `found`: something was violated. */
export type Verdict = (found: boolean) => void

const outputs = ['text', 'json'] as const
const pictures = ['table', 'svg', 'mermaid', 'edn', 'json'] as const
const mostBrokers = 99

const format = (): Option =>
  new Option('--format <format>', 'text, or json for tools').default('text').argParser(oneOf('format', outputs))
const safeguardsOption = (): Option =>
  new Option('--safeguards <name=off,…>', 'switches a safeguard of the protocol off; may be repeated').argParser(
    safeguards,
  )
const brokers = integer('--brokers', 1, mostBrokers)

const epilogue = `
Exit codes: 0 clean, 1 a violation was found, 2 wrong use, 3 the lab itself has failed.
A guide from the first seed to a scenario of your own: docs/lab.md.`

export function buildProgram(verdict: Verdict): Command {
  const program = new Command('lab')
    .description('The whole cluster from one seed, and the bugs it must be able to find.')
    .addHelpText('after', epilogue)
    .configureOutput({ writeErr: () => {} })
    .exitOverride(onExit)
  const verb = (name: string, description: string): Command =>
    program.command(name).description(description).allowExcessArguments(false).exitOverride(onExit)

  verb('run', 'runs a whole cluster with its clients from a seed')
    .requiredOption('--seed <n>', 'the seed', integer('--seed'))
    .option('--seeds <count>', 'so many seeds, from that one on; ends at the first violation', integer('--seeds', 1), 1)
    .option('--faults <kinds>', 'all, none, or some of them: kill,cut,…', faults)
    .option('--brokers <n>', 'brokers of the cluster', brokers)
    .option('--virtual-seconds <n>', 'length of the phase with faults', positive('--virtual-seconds'))
    .option('--twice', 'runs each seed twice and compares every event')
    .option('--no-shrink', 'leaves a failing run as long as it is')
    .option('--out <file>', 'writes the trace of a failing run (of any with one seed)')
    .addOption(safeguardsOption())
    .addOption(format())
    .action(async (options) => verdict((await import('./run.ts')).run(options)))

  verb('zoo', 'opens every cage: each bug found without its safeguard, none with all of them')
    .argument('[case...]', 'only these: Z06, Z04-isr-expand, …')
    .option('--seconds <n>', 'for finding one bug', positive('--seconds'), 60)
    .option('--clean-seconds <n>', 'for looking as hard with all safeguards on', positive('--clean-seconds'), 5)
    .option('--traces <directory>', 'writes each trace as a table there')
    .addOption(
      new Option('--format <format>', 'text, json for tools, or markdown, of which docs/zoo.md is made')
        .default('text')
        .argParser(oneOf('format', [...outputs, 'markdown'] as const)),
    )
    .action(async (cases: string[], options) => verdict((await import('./zoo.ts')).zoo(cases, options)))

  verb('check', 'searches every state of a model, breadth first')
    .argument('[model]', 'without one the models are listed')
    .option('--bound <name=n,…>', 'limits of the configuration; may be repeated', bounds)
    .option('--max-states <n>', 'gives up there', integer('--max-states', 1))
    .option('--seconds <n>', 'gives up then', positive('--seconds'))
    .option('--out <file>', 'writes the trace of a violation')
    .addOption(safeguardsOption())
    .addOption(format())
    .action(async (model: string | undefined, options) => verdict((await import('./check.ts')).check(model, options)))

  verb('shrink', 'makes a failing run short')
    .argument('[file]', 'a trace that run or check has written')
    .option('--seed <n>', 'a seed instead', integer('--seed'))
    .option('--faults <kinds>', 'as for run', faults)
    .option('--brokers <n>', 'as for run', brokers)
    .option('--virtual-seconds <n>', 'as for run', positive('--virtual-seconds'))
    .option('--runs <n>', 'tries at most', integer('--runs', 1), 400)
    .option('--out <file>', 'writes the shorter trace')
    .addOption(safeguardsOption())
    .addOption(format())
    .action(async (file: string | undefined, options) =>
      verdict((await import('./shrink.ts')).shrinkFailure(file, options)),
    )

  verb('replay', 'shows a trace; with --run, runs it again first')
    .argument('<file>', 'a trace')
    .option('--run', 'runs it again and says where it is not the same')
    .option('--last <n>', 'draws only so many of the last events', integer('--last', 1), 400)
    .addOption(
      new Option('--format <format>', pictures.join(', ')).default('table').argParser(oneOf('format', pictures)),
    )
    .option('--out <file>', 'writes there instead of to standard output')
    .action(async (file: string, options) => verdict((await import('./replay.ts')).replayTrace(file, options)))

  verb('pipeline', 'runs a pipeline of your own under faults: does each input count once?')
    .argument('<file>', 'a module whose default export is { pipeline, inputs, … }')
    .option('--seed <n>', 'the first seed', integer('--seed'), 1)
    .option('--seeds <count>', 'so many seeds; ends at the first violation', integer('--seeds', 1), 20)
    .option('--faults <kinds>', 'as for run', faults)
    .option('--brokers <n>', 'as for run', brokers)
    .option('--virtual-seconds <n>', 'as for run', positive('--virtual-seconds'))
    .addOption(
      new Option('--guarantee <guarantee>', 'processing.guarantee').choices(['exactly_once_v2', 'at_least_once']),
    )
    .option('--no-shrink', 'leaves a failing run as long as it is')
    .option('--out <file>', 'writes the trace of a failing run')
    .addOption(format())
    .action(async (file: string, options) => verdict(await (await import('./pipeline.ts')).pipeline(file, options)))

  verb('soak', 'runs seed after seed; ^C ends it early')
    .option('--minutes <n>', 'for so long', positive('--minutes'), 10)
    .option('--events <n>', 'or until so many events', integer('--events', 1))
    .option('--first-seed <n>', 'the first one', integer('--first-seed'), 1)
    .option('--threads <n>', 'side by side', integer('--threads', 1, 256), 1)
    .option('--double <n>', 'so many of the seeds are run twice and compared', integer('--double'), 0)
    .addOption(format())
    .action(async (options) => verdict(await (await import('./soak.ts')).soak(options)))
  return program
}

/** Commander ends a program by itself; here wrong use has its own exit code, and help is no mistake. */
function onExit(error: CommanderError): never {
  if (error.exitCode === 0) process.exit(0)
  if (error.code === 'commander.help') throw new UsageError('which verb? lab --help lists them')
  throw new UsageError(error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' '))
}
