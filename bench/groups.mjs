// The one table of what `npm run bench` measures. A group is a file of cells:
//
//     name     what `--only` calls it
//     title    the head of its table
//     quick    whether `--quick` measures it
//     cells    names of its cells, where they are known beforehand: `--only group/cell` takes one
//     run      measures the cells that `bench.wants(name, against)`, and gives them (see report/gates.mjs for a cell).
//              `bench`: rounds, ms and warm, times in ms; peers, a harness folder or undefined; note(text), for progress
import { rates } from './cells/rates.mjs';

export const groups = [rates];
