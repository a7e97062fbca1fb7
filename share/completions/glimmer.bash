# Bash completion for glimmer.
_glimmer() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]}
  local model="--activations --kv-cache --expert-input-scale --latent-norm-eps --attention --lm-head --threads"
  local settings=${model% --threads}
  local texts="--calibration --samples --seq-len --chat --activations --expert-input-scale --latent-norm-eps --memory --threads"
  local activations="f32 bf16 int8 nvfp4"
  case $command in plan | quantize) activations="bf16 f32" ;; esac
  local -A options=(
    [plan]="$texts --recipe --weights-only --max-shard-size --out --json --help"
    [quantize]="$texts --stats --weights-only --recipe --resume --dry-run --max-shard-size --scale-rule --json --help"
    [check]="--base --engine --deep --sha256 --strict --json --help"
    [convert]="--recipe --engine --resume --dry-run --max-shard-size --json --help"
    [inspect]="--filter --tensors --json --help"
    [synth]="--format --recipe --seed --resume --max-shard-size --json --help"
    [tokenize]="--file --ids --count --json --decode --no-added-tokens --add-special-tokens --skip-special-tokens --help"
    [run]="--prompt --system --thinking --raw --temperature --top-k --top-p --min-p --repetition-penalty --presence-penalty --frequency-penalty --seed --max-new-tokens --stop --generation-config --json --no-stats $model --help"
    [eval]="--text --tokens --context --stride --chunk --save-logits --compare --mtp --task --file --limit --max-new-tokens --thinking --generation-config --answers --json $model --help"
    [bench]="pack calibrate --prompt --decode --depth --streams --runs --rows --megabytes --threads $settings --json --help"
  )
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${!options[*]} --help --version" -- "$current")
    return
  fi
  case $previous in
    --recipe) mapfile -t COMPREPLY < <(compgen -W "nvfp4 nvfp4-serve nvfp4-experts" -- "$current"
                                       compgen -f -X '!*.y*ml' -- "$current") ;;
    --engine) mapfile -t COMPREPLY < <(compgen -W "vllm sglang tensorrt-llm glimmer all" -- "$current") ;;
    --scale-rule) mapfile -t COMPREPLY < <(compgen -W "cpu gpu" -- "$current") ;;
    --activations) mapfile -t COMPREPLY < <(compgen -W "$activations" -- "$current") ;;
    --kv-cache) mapfile -t COMPREPLY < <(compgen -W "f32 bf16 fp8" -- "$current") ;;
    --expert-input-scale) mapfile -t COMPREPLY < <(compgen -W "expert layer" -- "$current") ;;
    --attention) mapfile -t COMPREPLY < <(compgen -W "auto absorbed expanded" -- "$current") ;;
    --lm-head) mapfile -t COMPREPLY < <(compgen -W "as-stored nvfp4 fp8" -- "$current") ;;
    --thinking) mapfile -t COMPREPLY < <(compgen -W "on off" -- "$current") ;;
    --task) mapfile -t COMPREPLY < <(compgen -W "gsm8k" -- "$current") ;;
    --generation-config) mapfile -t COMPREPLY < <(compgen -W "auto none" -- "$current") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "bf16 nvfp4" -- "$current") ;;
    *) if [[ $command == bench && $current != -* ]]; then
         mapfile -t COMPREPLY < <(compgen -W "pack calibrate" -- "$current"; compgen -f -- "$current")
       elif [[ $current == -* ]]; then
         mapfile -t COMPREPLY < <(compgen -W "${options[$command]}" -- "$current")
       else
         mapfile -t COMPREPLY < <(compgen -f -- "$current")
       fi ;;
  esac
}
complete -o filenames -F _glimmer glimmer
