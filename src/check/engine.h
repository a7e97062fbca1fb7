// Which serving engines load a checkpoint: for each engine its rules, the modules that it will
// treat as unquantized, and the verdict.
// Source: docs/engines.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "check/finding.h"
#include "check/matcher.h"
#include "check/opened.h"
#include "check/scan.h"
#include "check/shared_scales.h"

namespace glimmer::check {

enum class Engine { kVllm, kSglang, kTensorrtLlm, kGlimmer };
constexpr Engine kEngines[] = {Engine::kVllm, Engine::kSglang, Engine::kTensorrtLlm,
                               Engine::kGlimmer};

// "vllm", "sglang", "tensorrt-llm", "glimmer".
const char* EngineName(Engine engine);
// "vLLM 0.33.0", …
const char* EngineRelease(Engine engine);
std::optional<Engine> EngineFromName(std::string_view name);
// Every rule of the engine, also those that only state a fact and never fire.
std::span<const Rule> RulesOf(Engine engine);

// A linear whose block scales hold a NaN, as CheckDeep() found it.
struct BlockScaleDefect {
  size_t spec;
  std::string sentence;
};

struct EngineInput {
  const Opened& opened;
  const Scan* scan = nullptr;  // nullptr without weights: rules about tensors stay silent
  std::vector<UnequalScale> unequal;
  std::vector<BlockScaleDefect> nan_scales;  // from CheckDeep()
};

struct EngineReport {
  Engine engine;
  Findings findings;
  std::vector<std::string> quantized;    // modules, as the engine spells them
  std::vector<std::string> unquantized;  // only modules that the list decides about

  // "loads", "computes wrong values", "refuses".
  const char* verdict() const;
};

// REQUIRES: input.opened.has_inventory().
EngineReport JudgeEngine(Engine engine, const EngineInput& input);

}  // namespace glimmer::check
