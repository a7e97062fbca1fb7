"""What vLLM's and SGLang's own code leaves unquantized, for lists of unquantized modules.

Reads the two released wheels, takes only the pure matching functions out of their sources (no
import of the packages, no torch), and runs them over the module names that the engines give to a
small GLM-MoE-DSA model. The answers are tests/golden/engine_rules.json, which
`src/check/matcher_test.cc` compares with glimmer's matchers.

    pip download --no-deps -d wheels vllm==0.33.0 sglang==0.5.23
    python3 tests/oracles/engine_rules.py wheels             # writes the golden
    python3 tests/oracles/engine_rules.py wheels --program build/release/glimmer
                                                  # also compares `glimmer check --json --engine`
"""

import argparse
import ast
import fnmatch
import functools
import json
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Dict, List, Literal, Mapping, Optional, Tuple

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = PROJECT / "tests/golden/engine_rules.json"
LAYERS, DENSE, MTP = 12, 2, 12  # main layers, the first dense ones, the MTP layer's number

# Lists that modelopt, NVIDIA and glimmer write, and lists that go wrong.
LISTS = {
    "empty": [],
    "modelopt": ["lm_head", "model.embed_tokens", "model.layers.2.mlp.gate", "model.layers.12*"],
    "serve": ["lm_head", "model.layers.12*"]
             + [f"model.layers.{i}.self_attn.{m}" for i in range(LAYERS)
                for m in ("kv_b_proj", "indexer*")],
    "experts": ["lm_head", "model.layers.12*"]
               + [f"model.layers.{i}.self_attn*" for i in range(LAYERS)]
               + [f"model.layers.{i}.mlp.shared_experts*" for i in range(DENSE, LAYERS)]
               + [f"model.layers.{i}.mlp*" for i in range(DENSE)],
    "nvidia": ["lm_head", "model.layers.0*", "model.layers.1.*", "model.layers.3.self_attn*",
               "model.layers.3.mlp.shared_experts*"],
    "layer without star": ["model.layers.1", "model.layers.3.mlp"],
    "layer with star": ["model.layers.1*"],
    "gate of a dense layer": ["model.layers.1.mlp.gate", "model.layers.4.mlp.gate"],
    "gate pattern": ["*mlp.gate*"],
    "gate pattern with dot": ["*.mlp.gate.*"],
    "both latents": ["model.layers.2.self_attn.q_a_proj",
                     "model.layers.2.self_attn.kv_a_proj_with_mqa"],
    "one latent": ["model.layers.2.self_attn.q_a_proj"],
    "other latent": ["model.layers.2.self_attn.kv_a_proj_with_mqa"],
    "latent patterns": ["*q_a_proj*", "*kv_a_proj_with_mqa*"],
    "joined names": ["model.layers.2.self_attn.fused_qkv_a_proj", "model.layers.1.mlp.gate_up_proj",
                     "model.layers.2.self_attn.fused_qkv_a_proj_with_mqa"],
    "both gate and up": ["model.layers.1.mlp.gate_proj", "model.layers.1.mlp.up_proj",
                         "model.layers.2.mlp.shared_experts.gate_proj",
                         "model.layers.2.mlp.shared_experts.up_proj"],
    "gate alone": ["model.layers.1.mlp.gate_proj"],
    "shared up alone": ["model.layers.5.mlp.shared_experts.up_proj"],
    "gate and up patterns": ["*gate_proj", "*up_proj"],
    "single expert": ["model.layers.3.mlp.experts.5.up_proj"],
    "experts exact": ["model.layers.3.mlp.experts"],
    "experts star": ["model.layers.3.mlp.experts*"],
    "experts dot star": ["model.layers.3.mlp.experts.*"],
    "expert words": ["experts", "shared_experts"],
    "shared down with star": ["model.layers.3.mlp.shared_experts.down_proj*"],
    "text around a module": ["xmodel.layers.3.mlp.shared_experts.down_projx"],
    "fused words": ["model.layers.12.self_attn.q_b_proj", "model.layers.12.self_attn.kv_b_proj"],
    "fused word with star": ["model.layers.2.self_attn.kv_b_proj*"],
    "bare words": ["o_proj", "wq_b", "self_attn.q_b_proj"],
    "bare patterns": ["*kv_b_proj", "*.indexer.*"],
    "component pattern": ["down_*", "index*"],
    "middle part": ["layers.3.mlp", "5.self_attn"],
    "substring of a word": ["layers.3.self_att", "lm_hea"],
    "question mark": ["model.layers.?.self_attn.o_proj", "lm_hea?"],
    "brackets": ["model.layers.[2-4].self_attn.o_proj", "model.layers.[!0].mlp.down_proj"],
    "alternatives": ["model.layers.3|lm_head", "model.layers.(3).*"],
    "not closed": ["model.layers.[3", "lm_head"],
    "bad expression": ["model.layers.(3"],
    "plus and dollar": ["model.layers.1+.mlp.experts", "lm_head$"],
    "star alone": ["*"],
    "empty entry": [""],
    "dots": [".", "model.layers.3.", "..self_attn"],
    "upper case": ["LM_HEAD", "Model.Layers.3*"],
    "backslash": ["model\\.layers\\.3.*"],
}


def modules(latent, mtp):
    """The names of the modules that follow the list, as an engine spells them."""
    names = ["lm_head"]
    for i in range(LAYERS + (1 if mtp else 0)):
        prefix = f"model.layers.{i}."
        names += [prefix + "self_attn." + m
                  for m in (latent, "q_b_proj", "kv_b_proj", "o_proj", "indexer.wq_b")]
        if i < DENSE:
            names += [prefix + "mlp." + m for m in ("gate_up_proj", "down_proj")]
        else:
            names += [prefix + "mlp." + m for m in
                      ("experts", "shared_experts.gate_up_proj", "shared_experts.down_proj")]
        if i == MTP:
            names.append(prefix + "head")
    return names


def sources(wheel, paths):
    with zipfile.ZipFile(wheel) as archive:
        return [archive.read(path).decode() for path in paths]


def take(source, names, scope):
    """Runs the definitions of these functions, or methods `Class.name`, in `scope`."""
    tree = ast.parse(source)
    for name in names:
        body, wanted = tree.body, name
        if "." in name:
            owner, wanted = name.split(".")
            body = next(n.body for n in tree.body
                        if isinstance(n, ast.ClassDef) and n.name == owner)
        for node in body:
            targets = [t.id for t in getattr(node, "targets", [getattr(node, "target", None)])
                       if isinstance(t, ast.Name)]
            if getattr(node, "name", None) == wanted or wanted in targets:
                exec(compile(ast.Module([node], []), name, "exec"), scope)
    return scope


TYPES = dict(Dict=Dict, List=List, Literal=Literal, Mapping=Mapping, Optional=Optional, Tuple=Tuple,
             MappingProxyType=MappingProxyType, fnmatch=fnmatch.fnmatch, re=re, lru_cache=functools
             .lru_cache, cache=functools.cache, functools=functools)


class Vllm:
    latent, mtp = "fused_qkv_a_proj", True

    def __init__(self, wheel):
        folder = "vllm/model_executor/layers/quantization/"
        config, utils = sources(wheel, [folder + "modelopt.py", folder + "utils/quant_utils.py"])
        self.scope = take(utils, ["is_layer_skipped"], dict(TYPES))
        take(config, ["ModelOptQuantConfigBase.is_layer_excluded"], self.scope)

    def excludes(self, entries, name):
        config = SimpleNamespace(exclude_modules=entries, packed_modules_mapping={
            "gate_up_proj": ["gate_proj", "up_proj"],
            "fused_qkv_a_proj": ["q_a_proj", "kv_a_proj_with_mqa"]})
        return self.scope["is_layer_excluded"](config, name)


class Sglang:
    latent, mtp = "fused_qkv_a_proj_with_mqa", False

    def __init__(self, wheel):
        folder = "sglang/srt/layers/quantization/"
        config, utils = sources(wheel, [folder + "modelopt_quant.py", folder + "utils.py"])
        self.scope = take(utils, ["_FALLBACK_FUSED_SHARDS", "_module_path_match",
                                  "is_layer_skipped"], dict(TYPES))
        take(config, ["_compile_exclusion_pattern", "ModelOptQuantConfig.is_layer_excluded"],
             self.scope)

    def excludes(self, entries, name):
        config = SimpleNamespace(exclude_modules=entries, packed_modules_mapping={
            "fused_qkv_a_proj_with_mqa": ["q_a_proj", "kv_a_proj_with_mqa"]})
        # ModelOptQuantConfig._get_quant_method: experts by the second test only.
        if not name.endswith(".experts") and self.scope["is_layer_skipped"](
                name, entries, config.packed_modules_mapping):
            return True
        return self.scope["is_layer_excluded"](config, name)


def answers(engine, entries):
    """{"unquantized": […], "refused": […]}: names that are excluded, and that raise an error."""
    result = {"unquantized": [], "refused": []}
    for name in modules(engine.latent, engine.mtp):
        try:
            if engine.excludes(entries, name):
                result["unquantized"].append(name)
        except (ValueError, re.error):
            result["refused"].append(name)
    return result


def small_config(entries):
    config = json.loads((PROJECT / "models/reference/config.json").read_text())
    config.update(num_hidden_layers=LAYERS, first_k_dense_replace=DENSE)
    config["quantization_config"] = {
        "quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": entries,
        "kv_cache_scheme": {"dynamic": False, "num_bits": 8, "type": "float"}}
    return config


def compare_with_program(program, golden):
    """The same lists through the program; returns the number of differences."""
    differences = 0
    for case in golden["cases"]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.json"
            path.write_text(json.dumps(small_config(case["list"])))
            done = subprocess.run([program, "check", path, "--json", "--engine", "vllm,sglang"],
                                  capture_output=True, text=True)
            for engine in json.loads(done.stdout)["engines"]:
                expected = sorted(case[engine["engine"]]["unquantized"])
                if sorted(engine["unquantized"]) != expected:
                    differences += 1
                    print(f"{case['name']}: {engine['engine']}: expected {expected}, "
                          f"found {engine['unquantized']}")
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=Path)
    parser.add_argument("--program")
    options = parser.parse_args()
    vllm = Vllm(next(options.wheels.glob("vllm-0.33.0-*.whl")))
    sglang = Sglang(next(options.wheels.glob("sglang-0.5.23-*.whl")))
    golden = {"vllm": "0.33.0", "sglang": "0.5.23",
              "modules": {"vllm": modules(Vllm.latent, Vllm.mtp),
                          "sglang": modules(Sglang.latent, Sglang.mtp)},
              "cases": [{"name": name, "list": entries, "vllm": answers(vllm, entries),
                         "sglang": answers(sglang, entries)}
                        for name, entries in LISTS.items()]}
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{len(LISTS)} lists, {GOLDEN.stat().st_size} bytes")
    if options.program:
        differences = compare_with_program(options.program, golden)
        print(f"{differences} differences")
        raise SystemExit(differences > 0)


if __name__ == "__main__":
    main()
