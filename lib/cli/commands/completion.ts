/** `keyturn completion <shell>`: a script that completes commands and options, made from the tree of commands. */
import { Argument, type Command } from 'commander';
import { examples, type Surroundings } from '../options.ts';

export function addCompletion(keyturn: Command, { host }: Surroundings): void {
  keyturn
    .command('completion')
    .description('Prints a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scriptFor)))
    .addHelpText(
      'after',
      examples(
        ['source <(keyturn completion bash)', 'for ~/.bashrc'],
        ['source <(keyturn completion zsh)', 'for ~/.zshrc, after compinit'],
        ['keyturn completion fish | source', 'for config.fish'],
      ),
    )
    .action((shell: Shell) => {
      for (const line of scriptFor[shell](commandsOf(keyturn))) host.out(line);
    });
}

type Shell = keyof typeof scriptFor;

interface Completed {
  readonly name: string;
  readonly description: string;
  /** Of its arguments. */
  readonly choices: readonly string[];
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

const commandsOf = (keyturn: Command): readonly Completed[] =>
  keyturn.commands.map((command) => ({
    name: command.name(),
    description: command.summary() || command.description(),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    options: command.options.map(({ long, description }) => ({ flag: long ?? '', description })),
  }));

const namesOf = (commands: readonly Completed[]): string => commands.map(({ name }) => name).join(' ');
const wordsOf = ({ choices, options }: Completed): string =>
  [...choices, '--help', ...options.map(({ flag }) => flag)].join(' ');

const scriptFor = {
  bash: (commands: readonly Completed[]) => [
    '_keyturn() {',
    '  local words=""',
    '  case "$COMP_CWORD:${COMP_WORDS[1]-}" in',
    `    1:*) words="${namesOf(commands)} --help --version" ;;`,
    ...commands.map((command) => `    *:${command.name}) words="${wordsOf(command)}" ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]-}"))',
    '}',
    'complete -o default -F _keyturn keyturn',
  ],
  zsh: (commands: readonly Completed[]) => [
    '#compdef keyturn',
    '_keyturn() {',
    '  if (( CURRENT == 2 )); then',
    `    compadd -- ${namesOf(commands)} --help --version`,
    '    return',
    '  fi',
    '  case "${words[2]}" in',
    ...commands.map((command) => `    ${command.name}) compadd -- ${wordsOf(command)} ;;`),
    '  esac',
    '  _files',
    '}',
    'compdef _keyturn keyturn',
  ],
  fish: (commands: readonly Completed[]) => [
    ...commands.map(
      ({ name, description }) =>
        `complete -c keyturn -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
    ),
    ...commands
      .filter(({ choices }) => choices.length > 0)
      .map(
        ({ name, choices }) =>
          `complete -c keyturn -n '__fish_seen_subcommand_from ${name}' -f -a '${choices.join(' ')}'`,
      ),
    ...commands.flatMap(({ name, options }) =>
      options.map(
        ({ flag, description }) =>
          `complete -c keyturn -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quoted(description)}`,
      ),
    ),
  ],
} as const;

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
