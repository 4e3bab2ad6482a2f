import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RegionForm, RegionPort, RegionTransfer as RegionFigures } from '../../lib/codec/region-item.js';
import { FileChangedError } from '../../lib/files/file-error.js';
import { decodeFileItem, fileDataPrefix } from '../../lib/files/file-item.js';
import { FileRegion, type FileProgress, type OpenRegion, type RegionPart } from '../../lib/files/file-region.js';
import { RegionTransfer } from '../../lib/files/region-transfer.js';
import type { RegionDone, RegionFrame } from '../../lib/mux/schedule/region-frame.js';

/** What happens, in order. */
let log: string[];
let progress: FileProgress[];
let transfer: RegionTransfer;
let port: FakePort;
let source: FakeRegion;

beforeEach(() => {
  log = [];
  progress = [];
});

/** One direction of a stream: frames wait until the test lets them be written. */
class FakePort implements RegionPort {
  readonly route = 'route';
  readonly writer = undefined;
  frameBytes = 10 + fileDataPrefix.length;
  credit = 0;
  figures: (RegionFigures & { moved: number }) | undefined = undefined;
  readonly frames: RegionFrame[] = [];
  onSend: (() => void) | undefined = undefined;
  readonly form: RegionForm;
  #now = 0;

  constructor(form: RegionForm) {
    this.form = form;
  }

  now(): number {
    return (this.#now += 10);
  }

  beginTransfer(path: string, total: number, mode: string): RegionFigures {
    log.push(`figures of ${path} ${String(total)} ${mode}`);
    this.figures = { moved: 0, end: () => log.push('figures end') };
    return this.figures;
  }

  send(payload: Uint8Array): void {
    expect(this.credit).toBeGreaterThan(0);
    this.credit--;
    const item = decodeFileItem(payload);
    log.push(item.kind === 'error' ? `send error ${item.code}: ${item.message}` : `send ${item.kind}`);
    this.onSend?.();
  }

  sendRegionFrame(frame: RegionFrame): void {
    expect(this.credit).toBeGreaterThan(0);
    this.credit--;
    log.push(`queue ${String(frame.prefix.length)}+${String(frame.length)}`);
    this.frames.push(frame);
  }

  /** The turn of the next frame has come; the result ends its writing. */
  begin(): RegionDone {
    const frame = this.frames.shift()!;
    frame.write(new Uint8Array(1), (error) => log.push(error === undefined ? 'frame done' : 'frame torn'));
    return source.writing.shift()!;
  }

  /** Writes so many frames. */
  write(count = 1): void {
    for (let n = 0; n < count; n++) this.begin()(undefined);
  }
}

type Made<T> = T | Promise<T>;

/** A region of an imagined file, which the test opens, reads and finishes. */
class FakeRegion extends FileRegion implements OpenRegion {
  readonly mode = 'pooled';
  readonly reason = 'it is a test';
  copied = 0;
  name = 'a';
  readonly size = 200;
  readonly offset = 5;
  readonly mtime = undefined;
  readonly permissions = undefined;
  readonly hash = undefined;
  readonly writing: RegionDone[] = [];
  opening: () => Made<OpenRegion> = () => this;
  reading: (at: number, max: number) => Made<RegionPart> = (at, max) => this.partOf(at, max);
  finishing: () => Made<Uint8Array | undefined> = () => undefined;
  readonly length: number;

  constructor(length: number) {
    super('the/a', {});
    this.length = length;
  }

  observedBy(): FileRegion {
    return this;
  }

  open(): Made<OpenRegion> {
    log.push('open');
    return this.opening();
  }

  part(at: number, max: number): Made<RegionPart> {
    log.push(`part ${String(at)} ${String(max)}`);
    return this.reading(at, max);
  }

  partOf(at: number, length: number): RegionPart {
    return {
      length,
      write: (_, done) => {
        log.push(`write ${String(at)}`);
        this.writing.push(done);
      },
      drop: () => log.push(`drop ${String(at)}`),
    };
  }

  finish(): Made<Uint8Array | undefined> {
    log.push('finish');
    return this.finishing();
  }

  close(): void {
    log.push('close');
  }
}

/** Begins the transfer of a region of so many bytes. `credit`: at the beginning. */
function begin(length: number, credit: number, form: RegionForm = 'files', prepare?: () => void): void {
  port = new FakePort(form);
  source = new FakeRegion(length);
  prepare?.();
  transfer = new RegionTransfer(
    source,
    port,
    {
      progress: (step) => {
        progress.push(step);
        observed?.();
      },
      failed: (error) => log.push(`failed: ${(error as Error).message}`),
    },
    (failure) => log.push(failure === undefined ? 'ended' : `ended with: ${(failure.error as Error).message}`),
  );
  observed = undefined;
  give(credit);
}

let observed: (() => void) | undefined;

function give(credit: number): void {
  port.credit += credit;
  transfer.resume();
}

/** What has happened since the last time. */
const events = (): string[] => log.splice(0);
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A Promise that the test settles. */
function later<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe('a region sent on a file route', () => {
  it('uses a credit for its header, for each frame and for its end, and waits without one', () => {
    begin(25, 0);
    expect(events()).toStrictEqual([]);
    give(1);
    expect(events()).toStrictEqual(['open', 'figures of the/a 25 pooled', 'send header']);
    give(1);
    expect(events()).toStrictEqual(['part 5 10', 'queue 1+10']);
    port.write();
    expect(events()).toStrictEqual(['write 5', 'frame done']);
    give(1);
    expect(events()).toStrictEqual(['part 15 10', 'queue 1+10']);
    port.write();
    give(1);
    port.write();
    expect(events()).toStrictEqual([
      'write 15',
      'frame done',
      'part 25 5',
      'queue 1+5',
      'write 25',
      'finish',
      'frame done',
    ]);
    give(1);
    expect(events()).toStrictEqual(['send end', 'figures end', 'close', 'ended']);
    give(1);
    transfer.stop();
    expect([events(), port.credit]).toStrictEqual([[], 1]);
  });

  it('prepares one frame while another one waits, but not a third one', () => {
    begin(100, 16);
    expect(events().slice(2)).toStrictEqual(['send header', 'part 5 10', 'queue 1+10', 'part 15 10']);
    give(1);
    const done = port.begin();
    expect(events()).toStrictEqual(['write 5']);
    done(undefined);
    // The next frame is in the queue before the schedule hears that this one is done.
    expect(events()).toStrictEqual(['queue 1+10', 'part 25 10', 'frame done']);
  });

  it('waits where credit was used by others, as over a connection', async () => {
    const opening = later<OpenRegion>();
    begin(25, 16, 'files', () => (source.opening = () => opening.promise));
    port.credit = 0;
    opening.resolve(source);
    await turn();
    expect(events()).toStrictEqual(['open', 'figures of the/a 25 pooled']);
    give(3);
    expect(events()).toStrictEqual(['send header', 'part 5 10', 'queue 1+10', 'part 15 10']);
    port.credit = 0;
    port.write();
    expect(events()).toStrictEqual(['write 5', 'frame done']);
    give(1);
    expect(events()).toStrictEqual(['queue 1+10']);
    transfer.stop();
  });

  it('reports each frame that was written', () => {
    begin(15, 16);
    source.copied = 3;
    port.write(2);
    expect(progress.map(({ sent }) => sent)).toStrictEqual([10, 15]);
    expect(progress[1]).toMatchObject({ path: 'the/a', total: 15, mode: 'pooled', reason: 'it is a test', copied: 3 });
    expect(port.figures?.moved).toBe(15);
  });

  it('is complete where it is empty', () => {
    begin(0, 16);
    expect(events()).toStrictEqual([
      'open',
      'figures of the/a 0 pooled',
      'send header',
      'finish',
      'send end',
      'figures end',
      'close',
      'ended',
    ]);
    expect(progress.map(({ sent, total }) => [sent, total])).toStrictEqual([[0, 0]]);
  });

  it('waits for a file that is opened, read and finished asynchronously', async () => {
    const [opening, reading, finishing] = [later<OpenRegion>(), later<RegionPart>(), later<undefined>()];
    begin(10, 16, 'files', () => {
      source.opening = () => opening.promise;
      source.reading = () => reading.promise;
      source.finishing = () => finishing.promise;
    });
    give(1);
    expect(events()).toStrictEqual(['open']);
    opening.resolve(source);
    await turn();
    give(1);
    expect(events()).toStrictEqual(['figures of the/a 10 pooled', 'send header', 'part 5 10']);
    reading.resolve(source.partOf(5, 10));
    await turn();
    port.write();
    expect(events()).toStrictEqual(['queue 1+10', 'write 5', 'finish', 'frame done']);
    give(1);
    expect(events()).toStrictEqual([]);
    finishing.resolve(undefined);
    await turn();
    expect(events()).toStrictEqual(['send end', 'figures end', 'close', 'ended']);
  });
});

it('a region on a raw route has neither header nor end, and no prefix', () => {
  begin(15, 16, 'raw', () => (port.frameBytes = 11));
  port.write(2);
  expect(events()).toStrictEqual([
    'open',
    'figures of the/a 15 pooled',
    'part 5 10',
    'queue 0+10',
    'part 15 5',
    'write 5',
    'queue 0+5',
    'frame done',
    'write 15',
    'finish',
    'figures end',
    'close',
    'ended',
    'frame done',
  ]);
  expect(port.credit).toBe(14);
});

describe('a failure', () => {
  const broken = new FileChangedError('It was truncated.', 'a');
  const fails = (): never => {
    throw broken;
  };
  const sent = 'send error file-changed: It was truncated.';

  it('to open is sent in place of the file, once there is credit for it', () => {
    begin(10, 1, 'files', () => {
      source.opening = fails;
      port.credit = 0;
    });
    expect(events()).toStrictEqual(['open', sent, 'failed: It was truncated.', 'ended']);
    begin(10, 1, 'files', () => (source.opening = () => later<OpenRegion>().promise));
    transfer.stop();
    expect(events()).toStrictEqual(['open']);
  });

  it('waits for credit, like everything else', () => {
    begin(10, 1, 'files', () => (source.reading = fails));
    give(0);
    expect(events().at(-1)).toBe('send header');
    give(1);
    expect(events()).toStrictEqual(['part 5 10', 'close', sent, 'figures end', 'failed: It was truncated.', 'ended']);
    begin(10, 1, 'files', () => {
      source.finishing = fails;
    });
    give(1);
    port.write();
    expect(events().slice(-3)).toStrictEqual(['finish', 'close', 'frame done']);
    give(1);
    expect(events()).toStrictEqual([sent, 'figures end', 'failed: It was truncated.', 'ended']);
  });

  it('to read drops the frame that waits for its turn', () => {
    begin(30, 16, 'files', () => (source.reading = (at, max) => (at === 15 ? fails() : source.partOf(at, max))));
    expect(events().slice(3)).toStrictEqual([
      'part 5 10',
      'queue 1+10',
      'part 15 10',
      'drop 5',
      'close',
      sent,
      'figures end',
      'failed: It was truncated.',
      'ended',
    ]);
  });

  it('to read while a frame is written closes the file afterwards', async () => {
    const reading = later<RegionPart>();
    begin(
      30,
      16,
      'files',
      () => (source.reading = (at, max) => (at === 15 ? reading.promise : source.partOf(at, max))),
    );
    const done = port.begin();
    events();
    reading.reject(broken);
    await turn();
    expect(events()).toStrictEqual([sent, 'figures end', 'failed: It was truncated.', 'ended']);
    done(undefined);
    expect(events()).toStrictEqual(['close', 'frame done']);
  });

  it('on a raw route is that of the handler', () => {
    begin(10, 1, 'raw', () => (source.reading = fails));
    expect(events().slice(2)).toStrictEqual([
      'part 5 10',
      'close',
      'figures end',
      'failed: It was truncated.',
      'ended with: It was truncated.',
    ]);
  });

  it('that is no FileError has the code of any other failure', () => {
    begin(10, 1, 'files', () => {
      source.opening = () => {
        throw new Error('odd');
      };
    });
    expect(events()[1]).toBe('send error file-io: odd');
  });

  it('of the header, whose name is too long, is sent in its place', () => {
    begin(10, 1, 'files', () => (source.name = 'x'.repeat(5_000)));
    expect(events().map((line) => line.slice(0, 20))).toStrictEqual([
      'open',
      'figures of the/a 10 ',
      'close',
      'send error file-io: ',
      'figures end',
      'failed: The path of ',
      'ended',
    ]);
  });

  it('of the observer ends the transfer', () => {
    begin(30, 16);
    observed = () => {
      throw new Error('The observer is broken.');
    };
    events();
    port.write();
    expect(events()).toStrictEqual([
      'write 5',
      'drop 15',
      'close',
      'send error file-io: The observer is broken.',
      'figures end',
      'failed: The observer is broken.',
      'ended',
      'frame done',
    ]);
  });

  it('to write breaks the connection: it is reported if the file was the cause, and nothing more is sent', () => {
    begin(30, 16);
    events();
    port.begin()(broken);
    expect(events()).toStrictEqual([
      'write 5',
      'figures end',
      'drop 15',
      'close',
      'failed: It was truncated.',
      'ended with: It was truncated.',
      'frame torn',
    ]);
    begin(30, 16);
    events();
    port.begin()(new Error('The socket is gone.'));
    expect(events()).toStrictEqual(['write 5', 'figures end', 'drop 15', 'close', 'frame torn']);
  });
});

describe('a stopped transfer', () => {
  it('opens nothing before it has begun', () => {
    begin(10, 0);
    transfer.stop();
    give(1);
    expect(events()).toStrictEqual([]);
  });

  it('closes a file that is being opened', async () => {
    const opening = later<OpenRegion>();
    begin(10, 16, 'files', () => (source.opening = () => opening.promise));
    transfer.stop();
    opening.resolve(source);
    await turn();
    expect(events()).toStrictEqual(['open', 'close']);
  });

  it('sends nothing where the opening fails', async () => {
    const opening = later<OpenRegion>();
    begin(10, 16, 'files', () => (source.opening = () => opening.promise));
    transfer.stop();
    opening.reject(new Error('too late'));
    await turn();
    expect(events()).toStrictEqual(['open']);
  });

  it('drops queued frames, and closes the file once', () => {
    begin(30, 16);
    events();
    transfer.stop();
    transfer.stop();
    expect(events()).toStrictEqual(['figures end', 'drop 15', 'drop 5', 'close']);
  });

  it('closes the file after the frame that is being written', () => {
    begin(30, 16);
    const done = port.begin();
    events();
    transfer.stop();
    expect(events()).toStrictEqual(['figures end', 'drop 15']);
    done(undefined);
    expect(events()).toStrictEqual(['close', 'frame done']);
    expect(progress).toStrictEqual([]);
  });

  it('drops a frame that is being read, and then closes the file', async () => {
    const reading = later<RegionPart>();
    begin(30, 16, 'files', () => (source.reading = () => reading.promise));
    events();
    transfer.stop();
    expect(events()).toStrictEqual(['figures end']);
    reading.resolve(source.partOf(5, 10));
    await turn();
    expect(events()).toStrictEqual(['drop 5', 'close']);
  });

  it('closes the file where the current read fails', async () => {
    const reading = later<RegionPart>();
    begin(30, 16, 'files', () => (source.reading = () => reading.promise));
    events();
    transfer.stop();
    reading.reject(new Error('too late'));
    await turn();
    expect(events()).toStrictEqual(['figures end', 'close']);
  });

  it('does not send the end while it is being finished', async () => {
    const finishing = later<undefined>();
    begin(0, 16, 'files', () => (source.finishing = () => finishing.promise));
    events();
    transfer.stop();
    finishing.resolve(undefined);
    await turn();
    expect(events()).toStrictEqual(['figures end', 'close']);
  });

  it.each(['header', 'end'])('sends no more when stopped by the observer of its %s', (item) => {
    begin(0, 0);
    port.onSend = () => {
      if (log.at(-1) === `send ${item}`) transfer.stop();
    };
    give(16);
    expect(events().slice(-2)).toStrictEqual(['figures end', 'close']);
    expect(log).not.toContain('ended');
  });

  it('reads no more when stopped by its observer', () => {
    begin(30, 16);
    observed = () => {
      transfer.stop();
    };
    events();
    port.write();
    expect(events()).toStrictEqual(['write 5', 'figures end', 'drop 15', 'close', 'frame done']);
  });
});
