import { cac } from 'cac';
import { asInlayError, InlayError } from '../errors.ts';
import { ConfigError } from '../gateway/resolve-config.ts';
import type { LogLevel } from './log.ts';
import { natsCommand } from './nats-init-command.ts';
import { purgeCommand } from './purge-command.ts';
import { serveCommand } from './serve-command.ts';

/** Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration. */
const FAILED = 1;
const USAGE = 2;

export const VERSION = '0.1.0';

/** Reads the command line and runs what it says. Returns the exit code; never throws. */
export async function run(argv: readonly string[]): Promise<number> {
  const cli = cac('inlay');
  cli
    .command('serve', 'Start the gateway')
    .option('--config <file>', 'Configuration (default: inlay.config.ts)')
    .option('--origin <url>', 'Be an ESI surrogate before one origin, without a configuration')
    .option('--port <n>', 'Port to listen on', { default: 8080 })
    .option('--host <address>', 'Address to listen on', { default: '127.0.0.1' })
    .option('--esi <mode>', 'auto | always | off, for all routes')
    .option('--cache-size <size>', 'Bound of the cache, such as 256mb')
    .option('--nats <url>', 'NATS server that purges come from (with --origin: default $NATS_URL)')
    .option('--admin-port <n>', 'Port of the admin listener (default: 9901)')
    .option('--admin-token <token>', 'Bearer token of the admin listener (default: $INLAY_ADMIN_TOKEN)')
    .option('--workers <n>', 'Processes that share the port, each with its own cache; needs NATS', { default: 1 })
    .option('--log <level>', 'all | errors | off', { default: 'all' as LogLevel })
    .example('  inlay serve --origin http://127.0.0.1:9000 --port 8080')
    .action(serveCommand);
  cli
    .command('purge [key]', 'Purge fragments and pages')
    .option('--tag <tag>', 'Everything with this surrogate key')
    .option('--url <url>', 'A URL at a service, or a path at every service')
    .option('--prefix <prefix>', 'Everything whose URL or path begins so')
    .option('--all', 'Everything in the space')
    .option('--soft', 'Mark as stale, to be refreshed, instead of dropping')
    .option('--wait', 'Wait until every gateway has applied it (5 s); exit code 1 if one has not')
    .option('--instances <n>', 'With --wait: how many gateways must have said so (default: one)')
    .option('--nats <url>', 'NATS server to publish on (default: $NATS_URL)')
    .option('--space <space>', 'Space to publish to, with --nats (default: that of inlay.config.ts)')
    .option('--admin <url>', 'Admin listener to ask (default: http://127.0.0.1:9901)')
    .option('--admin-token <token>', 'Its bearer token (default: $INLAY_ADMIN_TOKEN)')
    .example('  inlay purge --tag country:FRA')
    .action(purgeCommand);
  cli
    .command('nats <action>', 'init: make the stream that keeps purges (JetStream)')
    .option('--nats <url>', 'NATS server (default: $NATS_URL, or that of inlay.config.ts)')
    .option('--max-age <duration>', 'How long purges are kept (default: 7d)')
    .option('--replicas <n>', 'Servers of the cluster that keep them (default: 1)')
    .option('--subject <subject>', 'Subject of services to keep, too; may be repeated')
    .example("  inlay nats init --subject 'catalog.*.changed'")
    .action(natsCommand);
  cli.help();
  cli.version(VERSION);
  try {
    cli.parse([...argv], { run: false });
    if (cli.options.help === true || cli.options.version === true) return 0;
    if (cli.matchedCommand === undefined) {
      const given = argv[2];
      const known = 'inlay serve, inlay purge, inlay nats init (--help for more)';
      if (given === undefined) throw new InlayError('config-invalid', `say what to do: ${known}`);
      const problem = given.startsWith('-') ? `${given} needs a command before it` : `there is no command "${given}"`;
      throw new InlayError('config-invalid', `${problem}: ${known}`);
    }
    await cli.runMatchedCommand();
    return 0;
  } catch (thrown) {
    return explain(thrown);
  }
}

/** One line, or one a problem, on standard error. */
function explain(thrown: unknown): number {
  if (thrown instanceof Error && thrown.name === 'CACError') {
    console.error(`inlay: ${thrown.message} (--help lists the options)`);
    return USAGE;
  }
  const error = asInlayError(thrown);
  if (error instanceof ConfigError && error.problems.length > 1) {
    const lines = error.message.split('\n').map((line) => `  ${line}`);
    console.error(`inlay: ${error.problems.length} problems:\n${lines.join('\n')}`);
  } else {
    console.error(`inlay: ${error.message.replaceAll(/\s*\n\s*/g, ' · ')}`);
  }
  if (error.code === 'internal') console.error(error.cause instanceof Error ? error.cause.stack : error.stack);
  return error.code === 'config-invalid' || error.code === 'purge-invalid' ? USAGE : FAILED;
}
