// The one table of what `npm run bench` measures. A group is a file of cells:
//
//     name     what `--only` calls it
//     title    the head of its table
//     markdown what makes its table for `--markdown`, where that is another one
//     quick    whether `--quick` measures it
//     cells    names of its cells, where they are known beforehand: `--only group/cell` takes one
//     run      measures the cells that `bench.wants(name, against)`, and gives them (see report/gates.mjs for a cell).
//              `bench`: rounds, ms and warm, times in ms; peers, a harness folder or undefined; note(text), for progress
import { applications } from './cells/applications.mjs';
import { bulk } from './cells/bulk.mjs';
import { bundle } from './cells/bundle.mjs';
import { cancel } from './cells/cancel.mjs';
import { checksum } from './cells/checksum.mjs';
import { cpu } from './cells/cpu.mjs';
import { files } from './cells/files.mjs';
import { fileToFile } from './cells/file-to-file.mjs';
import { filesMemory } from './cells/files-memory.mjs';
import { garbage } from './cells/garbage.mjs';
import { latency } from './cells/latency.mjs';
import { memory } from './cells/memory.mjs';
import { micro } from './cells/micro.mjs';
import { loaded, rates } from './cells/rates.mjs';
import { shares } from './cells/shares.mjs';
import { slow } from './cells/slow.mjs';
import { command } from './cells/command.mjs';
import { start } from './cells/start.mjs';
import { typed } from './cells/typed.mjs';
import { wan } from './cells/wan.mjs';
import { idle, scale } from './cells/scale.mjs';

export const groups = [
  rates,
  loaded,
  checksum,
  typed,
  applications,
  slow,
  cancel,
  latency,
  cpu,
  garbage,
  bulk,
  shares,
  memory,
  files,
  fileToFile,
  filesMemory,
  bundle,
  start,
  command,
  wan,
  micro,
  idle,
  scale,
];
