# Bash completion for glimmer.
_glimmer() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]}
  local -A options=(
    [plan]="--recipe --weights-only --max-shard-size --json --help"
    [quantize]="--weights-only --recipe --resume --dry-run --max-shard-size --scale-rule --json --help"
    [check]="--base --json --help"
    [inspect]="--filter --tensors --json --help"
    [synth]="--format --recipe --seed --resume --max-shard-size --json --help"
    [tokenize]="--file --ids --count --json --decode --no-added-tokens --add-special-tokens --skip-special-tokens --help"
    [bench]="pack --help"
  )
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${!options[*]} --help --version" -- "$current")
    return
  fi
  case $previous in
    --recipe) mapfile -t COMPREPLY < <(compgen -W "nvfp4 nvfp4-serve nvfp4-experts" -- "$current"
                                       compgen -f -X '!*.y*ml' -- "$current") ;;
    --scale-rule) mapfile -t COMPREPLY < <(compgen -W "cpu gpu" -- "$current") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "bf16 nvfp4" -- "$current") ;;
    *) if [[ $current == -* || $command == bench ]]; then
         mapfile -t COMPREPLY < <(compgen -W "${options[$command]} --megabytes --runs" -- "$current")
       else
         mapfile -t COMPREPLY < <(compgen -f -- "$current")
       fi ;;
  esac
}
complete -o filenames -F _glimmer glimmer
