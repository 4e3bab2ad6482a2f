import { lastValueFrom, of, timer, type Observable } from 'rxjs';
import {
  consume,
  DeadlineExceededError,
  DisconnectedError,
  GridError,
  type CallOptions,
  type Connection,
  type FileRegion,
  type Handles,
} from '../../../lib/index.js';
import { shortName } from '../../../lib/testing/index.js';
import { rules } from '../ledger.js';
import { startUp } from '../reasons.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';
import { regionsOf } from './drawn-region.js';
import { readBytes, readFiles, writeFiles, type DrawnFile, type FileScript } from './file-routes.js';
import { ReceivedFiles } from './received-files.js';

/** Files are sent from one host to another one. */
export interface FileTransfer {
  readonly act: 'files';
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly kind: 'read' | 'readBytes' | 'write';
  readonly files: readonly DrawnFile[];
  /** Virtual ms that the receiver takes for an item. */
  readonly takes: number;
  /** In ms; 0: none. */
  readonly timeout: number;
}

/** Draws a transfer. */
export function drawFileTransfer({ random, hosts, nextId }: ActSource): FileTransfer {
  const caller = random.pick(hosts);
  const kind = random.pick(['read', 'readBytes', 'write'] as const);
  const files = Array.from({ length: 1 + random.below(4) }, () => {
    const bytes = random.pick([0, 100, 20_000, 300_000]);
    const fails = kind !== 'readBytes' && bytes > 0 && random.chance(0.2);
    return { bytes, failAt: fails ? random.below(bytes) : -1 };
  });
  return {
    act: 'files',
    id: nextId(),
    from: caller,
    to: random.pick(hosts.filter((host) => host !== caller || hosts.length === 1)),
    kind,
    files,
    takes: random.pick([0, 0, 10]),
    timeout: random.pick([0, 0, 500, 5_000]),
  };
}

/** Registers the handlers of transfers at a host. */
export function registerFileHandlers(
  manager: Pick<Handles, 'handle'>,
  host: string,
  disk: () => Promise<void>,
  world: World,
): void {
  manager.handle(readFiles, (script) => regionsOf(script, disk));
  manager.handle(readBytes, (script) => regionsOf(script, disk));
  manager.handle(writeFiles, async function* (script, call) {
    const received = new ReceivedFiles(script);
    const from = shortName(call.caller);
    for await (const item of call.input) checked(world, [from, host], script, () => received.item(item));
    yield received.count;
  });
}

/** Transfers files, and compares them with what was sent. */
export async function transferFiles(transfer: FileTransfer, world: World): Promise<void> {
  const { id, files, kind, from: caller, to, timeout } = transfer;
  const { clock, cluster } = world.simulation;
  const began = clock.elapsed;
  const script = { id, files };
  try {
    const connection = cluster.host(caller).connection(to);
    const count = await countOf(transfer, script, connection, world);
    const isWhole = count === files.length || world.ledger.reasons.tampered(caller, to);
    if (!isWhole) world.violate(rules.files, `${kind} ${id}: ${count} of ${files.length} files came`);
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    const { reasons, line } = world.ledger;
    const isTouched = began < startUp || reasons.touched(caller, to, began) || line.storm;
    if (error instanceof DeadlineExceededError ? timeout > 0 || isTouched : isTouched) throw error;
    world.violate(rules.reason, `${kind} ${id}, ${caller} to ${to}: ${error.stack ?? error.message}`);
    if (error instanceof DisconnectedError) throw error;
  }
}

/** The number of files that have come. */
async function countOf(
  { from, to, kind, takes, timeout }: FileTransfer,
  script: FileScript,
  connection: Connection,
  world: World,
): Promise<number> {
  const options: CallOptions = timeout === 0 ? {} : { timeout };
  const received = new ReceivedFiles(script);
  const taken = async <T>(items$: Observable<T>, look: (item: T) => void): Promise<void> => {
    const take = (item: T): Observable<unknown> => {
      checked(world, [from, to], script, () => look(item));
      return takes === 0 ? of(0) : timer(takes);
    };
    await lastValueFrom(items$.pipe(consume(take)), { defaultValue: 0 });
  };
  switch (kind) {
    case 'read':
      await taken(connection.stream(readFiles, script, options), (item) => received.item(item));
      return received.count;
    case 'readBytes':
      await taken(connection.stream(readBytes, script, options), (bytes) => received.bytes(bytes));
      return received.countOfBytes;
    case 'write': {
      const regions = (): readonly FileRegion[] => regionsOf(script, () => Promise.resolve());
      return lastValueFrom(connection.exchange(writeFiles, script, regions, options));
    }
  }
}

// The frames of regions carry no checksum: what a fault has changed in them arrives.
function checked(
  { ledger, violate }: World,
  [from, to]: readonly [string, string],
  { id }: FileScript,
  look: () => void,
): void {
  try {
    look();
  } catch (error) {
    if (!ledger.reasons.tampered(from, to)) violate(rules.files, `transfer ${id}: ${(error as Error).message}`);
  }
}
