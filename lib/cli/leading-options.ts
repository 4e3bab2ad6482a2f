/** The options that name the host and how to reach it, and whether a value follows them. */
const hostOptions: Readonly<Record<string, boolean>> = {
  '-H': true,
  '--host': true,
  '--via': true,
  '--context': true,
  '--token-file': true,
  '--token-command': true,
  '--ca': true,
  '--timeout': true,
  '-q': false,
  '--quiet': false,
};

/**
 * The arguments with the options of the host behind the command, where they stand before it: `--context prod ping` becomes
 * `ping --context prod`, which is how commander expects them. Other arguments stay as they are.
 */
export function withoutLeadingOptions(args: readonly string[]): readonly string[] {
  let at = 0;
  while (args[at]?.startsWith('-') === true) {
    const [name, value] = args[at]!.split('=', 2);
    if (!Object.hasOwn(hostOptions, name!)) return args;
    at += hostOptions[name!] === true && value === undefined ? 2 : 1;
  }
  const command = args[at];
  return command === undefined ? args : [command, ...args.slice(0, at), ...args.slice(at + 1)];
}
