import { monitor, type MonitorEvent } from '../../monitor/index.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import type { AddCommands } from '../commands.js';
import { exitCodes } from '../exit/failure.js';
import { toJson } from '../output/json-value.js';
import { eventText } from '../output/event-text.js';
import { jsonText, note, print, wholeNumber, write } from '../output/output.js';
import { failWithoutReader } from '../output/reader-watch.js';
import { describeTarget, withTarget, type Target, type TargetOptions } from '../connect/target.js';

interface EventOptions extends TargetOptions {
  readonly json?: boolean;
  readonly type?: readonly string[];
  readonly follow: boolean;
  readonly max?: number;
}

const help = `
A host keeps its newest 256 events. With --json, each event is a line {"at", "type", …}: at is the time by the clock of the host,
and the other fields depend on the type (GridEvent of rxgrid).`;

/** Adds `rxgrid events`. */
export const addEvents: AddCommands = (program, run) => {
  const command = program
    .command('events')
    .description('Prints the events of a host: those that it has kept, and then the others as they come.')
    .option('--no-follow', 'only those that the host has kept')
    .option('--type <type...>', 'only events of these types, such as handler-error')
    .option('-n, --max <n>', 'end after so many events', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'lines of JSON');
  describeTarget(command)
    .addHelpText('after', help)
    .action((options: EventOptions) =>
      run((signal) => withTarget(options, signal, (target) => events(target, options))),
    );
};

async function events(
  target: Target,
  { json = false, type, follow, max = Infinity, quiet = false }: EventOptions,
): Promise<number> {
  const { connection, signal } = target;
  let count = 0;
  if (follow) failWithoutReader();
  for await (const batch of toAsyncIterable(monitor(connection).events$.pipe(takeUntilAborted(signal)))) {
    if (batch.missed > 0 && !quiet) note(`${String(batch.missed)} events before these are lost.`);
    for (const event of batch.events) {
      if (type !== undefined && !type.includes(event.event.type)) continue;
      await (json ? write(`${jsonText(jsonOf(event))}\n`) : print(`${timeText(event.at)} ${eventText(event.event)}`));
      if (++count >= max) return exitCodes.done;
    }
    if (!follow) {
      if (count === 0 && !quiet)
        note(type === undefined ? 'the host has kept no events.' : 'none of the events of the host is of this type.');
      return exitCodes.done;
    }
  }
  return exitCodes.done;
}

function jsonOf({ at, event }: MonitorEvent): ReturnType<typeof toJson> {
  return toJson({ at: timeText(at), ...event });
}

/** A time that another host has sent: it may be any number. */
function timeText(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : '?';
}
