import { combineLatest, filter, firstValueFrom, map, merge, Observable, take } from 'rxjs';
import { monitor } from '../../monitor/index.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { toJson } from '../output/json-value.js';
import { hasColor, jsonText, terminalColumns, write } from '../output/output.js';
import { describeTarget, withTarget, type Target, type TargetOptions } from '../connect/target.js';
import { keyOf, nextView, reportOf, screenOf, startView } from '../output/top-screen.js';
import { withoutMonitor, type TopState } from '../output/top-state.js';

interface TopOptions extends TargetOptions {
  readonly once?: boolean;
  readonly json?: boolean;
}

const help = `
The routes of the monitor itself, which the command calls, are left out, but with --json.

Keys: 1 hosts, 2 routes, 3 streams; s the next sort order, / a filter (Enter keeps it, Esc clears it), j and k or the arrows
move, Enter the detail of a host, space pauses, q quits.

With --json, each line is {"info", "cluster", "routes", "streams"}: HostInfo, MonitoredCluster, RouteFigures[] and StreamList of
rxgrid/monitor; one line with --once, and else one a second.`;

/** Adds `rxgrid top`. */
export const addTop: AddCommands = (program, run) => {
  const command = program
    .command('top')
    .description('A live table of the hosts, routes and streams that a host sees.')
    .option('--once', 'print the figures once, and end')
    .option('--json', 'lines of JSON');
  describeTarget(command)
    .addHelpText('after', help)
    .action((options: TopOptions) => run((signal) => withTarget(options, signal, (target) => top(target, options))));
};

async function top(target: Target, { once = false, json = false }: TopOptions): Promise<number> {
  const { signal, name } = target;
  const figures$ = figuresOf(target).pipe(takeUntilAborted(signal));
  if (once) {
    const state = await firstValueFrom(figures$);
    if (json) await write(`${jsonText(toJson(state))}\n`);
    else await write(`${reportOf(withoutMonitor(state), name, terminalColumns()).join('\n')}\n`);
    return exitCodes.done;
  }
  if (json) {
    for await (const state of toAsyncIterable(figures$)) await write(`${jsonText(toJson(state))}\n`);
    return exitCodes.done;
  }
  if (!process.stdout.isTTY || !process.stdin.isTTY) {
    throw new Failure('top needs a terminal. Without one, give --once, --json or both.', exitCodes.usage);
  }
  await live(figures$.pipe(map(withoutMonitor)), name, signal);
  return exitCodes.done;
}

/** The figures of the host combined: once all of them have come, and after each change. */
function figuresOf({ connection }: Target): Observable<TopState> {
  const host = monitor(connection);
  const began = systemRuntime.now();
  return combineLatest({
    info: host.info$,
    cluster: host.cluster$,
    routes: host.routes$,
    streams: host.streams$,
  }).pipe(
    map((state) => {
      // The host sends its uptime and clock once; the time since then is added here.
      const passed = systemRuntime.now() - began;
      const { uptime, time } = state.info;
      return { ...state, info: { ...state.info, uptime: uptime + passed, time: time + passed } };
    }),
  );
}

/** Draws until the user quits, or the signal aborts; the terminal is then as it was. */
async function live(figures$: Observable<TopState>, name: string, signal: AbortSignal): Promise<void> {
  const { stdin, stdout } = process;
  let view = startView;
  let newest: TopState | undefined;
  let shown: TopState | undefined;
  const draw = (): void => {
    if (shown === undefined) return;
    const { columns = 80, rows = 24 } = stdout as { readonly columns?: number; readonly rows?: number };
    const lines = screenOf(shown, view, { columns, rows }, name);
    const text = lines.map(
      (line, index) => `${index === 0 && hasColor() ? `\u001b[7m${line}\u001b[0m` : line}\u001b[K`,
    );
    stdout.write(`\u001b[H${text.join('\r\n')}\u001b[J`);
  };
  const keys$ = new Observable<string>((subscriber) => {
    const read = (data: Buffer): void => {
      for (const key of keyOf(data.toString())) subscriber.next(key);
    };
    stdin.on('data', read);
    return () => stdin.off('data', read);
  });
  stdin.setRawMode(true);
  stdout.write('\u001b[?1049h\u001b[?25l');
  stdout.on('resize', draw);
  const quit$ = new Observable<void>((subscriber) =>
    keys$.subscribe((key) => {
      // A terminal in raw mode sends the key, not the signal.
      if (key === '\u0003') process.kill(process.pid, 'SIGINT');
      else if (key === 'q' && !view.typing) subscriber.next();
      else {
        view = nextView(view, key, shown);
        if (!view.paused) shown = newest;
        draw();
      }
    }),
  );
  const drawn$ = figures$.pipe(
    map((state) => {
      newest = state;
      if (!view.paused) shown = state;
      draw();
    }),
    filter(() => false),
  );
  try {
    await firstValueFrom(merge(quit$, drawn$).pipe(takeUntilAborted(signal), take(1)), { defaultValue: undefined });
    signal.throwIfAborted();
  } finally {
    stdout.off('resize', draw);
    stdout.write('\u001b[?25h\u001b[?1049l');
    stdin.setRawMode(false);
    stdin.destroy();
  }
}
