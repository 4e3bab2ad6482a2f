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
 * The arguments with the options of the host behind the command, where they stand before it: `--context prod ping`
 * becomes `ping --context prod`, which is how commander expects them. Other arguments stay as they are.
 */
export function withoutLeadingOptions(args: readonly string[]): readonly string[] {
  let at = 0;
  while (args[at]?.startsWith('-') === true) {
    const { name, isComplete } = optionIn(args[at]!);
    if (!Object.hasOwn(hostOptions, name)) return args;
    at += hostOptions[name] === true && !isComplete ? 2 : 1;
  }
  const command = args[at];
  // It takes no option of a host.
  if (command === 'help') return args.slice(at);
  return command === undefined ? args : [command, ...args.slice(0, at), ...args.slice(at + 1)];
}

/** The name of an option. `isComplete`: its value is in the same argument, as in `--host=a` and `-Ha`. */
function optionIn(arg: string): { readonly name: string; readonly isComplete: boolean } {
  if (arg.startsWith('-H')) return { name: '-H', isComplete: arg.length > 2 };
  const [name, value] = arg.split('=', 2);
  return { name: name!, isComplete: value !== undefined };
}
