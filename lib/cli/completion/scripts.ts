/** Scripts by which a shell completes the command line, made from the tables of the commands. */

/** What a script needs to know of a command. */
export interface Completable {
  readonly name: string;
  readonly summary: string;
  /** Words behind it: `list`, `show` … */
  readonly actions: readonly string[];
  readonly takesFiles: boolean;
  readonly options: readonly CompletableOption[];
}

export interface CompletableOption {
  readonly name: string;
  readonly short: string | null;
  readonly help: string;
  /** What its value is called; null for a switch. */
  readonly value: string | null;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

const PROGRAM = 'atd-ingestion';
/** Names of values that are files or directories. */
const PATHS: readonly string[] = ['FILE', 'D'];

export function completionScript(shell: Shell, commands: readonly Completable[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
}

function bash(commands: readonly Completable[]): string {
  const cases = commands.map(({ name, actions, options }) => {
    const flags = options.map((option) => `--${option.name}`);
    return `    ${name}) words=${quote([...flags, ...actions].join(' '))} ;;`;
  });
  const names = commands.map(({ name }) => name).join(' ');
  const paths = unique(commands.flatMap(({ options }) => options.filter(isPath).map(({ name }) => `--${name}`)));
  return `# ${PROGRAM}, for bash: ${PROGRAM} completion bash > /etc/bash_completion.d/${PROGRAM}
_atd_ingestion() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" -eq 1 ] && [ "\${current#-}" = "$current" ]; then
    COMPREPLY=($(compgen -W ${quote(names)} -- "$current"))
    return
  fi
  case $before in
    ${paths.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _atd_ingestion ${PROGRAM}
`;
}

function zsh(commands: readonly Completable[]): string {
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  const cases = commands.map(({ name, actions, takesFiles, options }) => {
    const specs = options.map((option) => `        ${quote(zshOption(option))}`);
    const rest = actions.length > 0 ? [`        ${quote(`1:action:(${actions.join(' ')})`)}`] : [];
    const files = takesFiles ? [`        ${quote('*:file:_files')}`] : [];
    return `    ${name})\n      _arguments \\\n${[...specs, ...rest, ...files].join(' \\\n')}\n      ;;`;
  });
  return `#compdef ${PROGRAM}
# ${PROGRAM}, for zsh: ${PROGRAM} completion zsh > "\${fpath[1]}/_${PROGRAM}"
_atd_ingestion() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join('\n')}
  esac
}
# Found by fpath, this file is what completes, each time; sourced, it says what does.
if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _atd_ingestion "$@"
else
  compdef _atd_ingestion ${PROGRAM}
fi
`;
}

function zshOption(option: CompletableOption): string {
  const { name, help, value } = option;
  const text = help.replaceAll(/[[\]:]/g, '\\$&');
  const rest = value === null ? '' : `:${value}:${isPath(option) ? '_files' : ' '}`;
  return `--${name}[${text}]${rest}`;
}

function fish(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ name, summary, actions, takesFiles, options }) => {
    const here = `-n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `complete -c ${PROGRAM} -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
      ...(actions.length === 0 ? [] : [`complete -c ${PROGRAM} ${here} -a ${quote(actions.join(' '))}`]),
      ...(takesFiles ? [`complete -c ${PROGRAM} ${here} -F`] : []),
      ...options.map((option) => {
        const short = option.short === null ? '' : ` -s ${option.short}`;
        const value = option.value === null ? '' : isPath(option) ? ' -r -F' : ' -x';
        return `complete -c ${PROGRAM} ${here} -l ${option.name}${short}${value} -d ${quote(option.help)}`;
      }),
    ];
  });
  return `# ${PROGRAM}, for fish: ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish
complete -c ${PROGRAM} -f
${lines.join('\n')}
`;
}

function isPath({ value }: CompletableOption): boolean {
  return value !== null && PATHS.includes(value);
}

/** As one word of a shell; fish takes a quote only behind a backslash, and the other two only outside of quotes. */
function quote(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
