import type { Command } from 'commander';

/** Runs the work of a command; its result is the exit code. */
export type RunCommand = (work: (signal: AbortSignal) => Promise<number>) => Promise<void>;

/** Adds one or more commands to the program. */
export type AddCommands = (program: Command, run: RunCommand, entries: readonly CommandEntry[]) => void;

/** A command, whose code is loaded when it is used: `rxgrid --help` loads none. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** True: the help does not list it. */
  readonly hidden?: boolean;
  readonly load: () => Promise<AddCommands>;
}

const files = async (): Promise<AddCommands> => (await import('./commands/files.js')).addFileCommands;

const completion = async (): Promise<AddCommands> => (await import('./commands/completion.js')).addCompletion;

/** All commands, in the order of the help. */
export const commandEntries: readonly CommandEntry[] = [
  {
    name: 'describe',
    summary: 'The routes of a host: their kinds and schemas, or an AsyncAPI document.',
    load: async () => (await import('./commands/describe.js')).addDescribe,
  },
  {
    name: 'call',
    summary: 'Calls a route with one request and one response.',
    load: async () => (await import('./commands/call.js')).addCall,
  },
  {
    name: 'stream',
    summary: 'Opens a stream: items to standard output, and input from standard input.',
    load: async () => (await import('./commands/stream.js')).addStream,
  },
  {
    name: 'ping',
    summary: 'Measures how long a host takes to answer.',
    load: async () => (await import('./commands/ping.js')).addPing,
  },
  {
    name: 'events',
    summary: 'The events of a host, as they come.',
    load: async () => (await import('./commands/events.js')).addEvents,
  },
  {
    name: 'top',
    summary: 'A live table of the hosts, routes and streams of a host.',
    load: async () => (await import('./commands/top.js')).addTop,
  },
  {
    name: 'dashboard',
    summary: 'Serves the dashboard of a host, to this machine alone.',
    load: async () => (await import('./commands/dashboard.js')).addDashboard,
  },
  {
    name: 'bench',
    summary: 'Measures rates and latencies of a route.',
    load: async () => (await import('./commands/bench.js')).addBench,
  },
  {
    name: 'record',
    summary: 'Records the frames of a host, with their times, to a file.',
    load: async () => (await import('./commands/record.js')).addRecord,
  },
  {
    name: 'decode',
    summary: 'Prints a recording, or a message in hex, as readable text or as marbles.',
    load: async () => (await import('./commands/decode.js')).addDecode,
  },
  {
    name: 'conformance',
    summary: 'Plays recordings of the wire protocol against a host, and compares what it answers.',
    load: async () => (await import('./commands/conformance.js')).addConformance,
  },
  {
    name: 'serve',
    summary: 'Runs a host with the handlers of a module, or the files of a folder.',
    load: async () => (await import('./commands/serve.js')).addServe,
  },
  {
    name: 'cp',
    summary: 'Copies files from a host to here, or from here to a host.',
    load: async () => (await import('./commands/cp.js')).addCp,
  },
  { name: 'ls', summary: 'Lists folders and files of a host.', load: files },
  { name: 'stat', summary: 'Describes files and folders of a host.', load: files },
  { name: 'rm', summary: 'Removes files and folders of a host.', load: files },
  {
    name: 'context',
    summary: 'Names hosts and their tokens, and says which one is used.',
    load: async () => (await import('./commands/context.js')).addContext,
  },
  { name: 'completion', summary: 'Prints the completion of bash, zsh or fish.', load: completion },
  { name: 'complete-routes', summary: '', hidden: true, load: completion },
  {
    name: 'man',
    summary: 'Prints the manual page.',
    load: async () => (await import('./commands/man.js')).addMan,
  },
];
