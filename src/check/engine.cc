#include "check/engine.h"

#include "check/judge.h"
#include "check/rules_glimmer.h"
#include "check/rules_sglang.h"
#include "check/rules_tensorrt_llm.h"
#include "check/rules_vllm.h"

namespace glimmer::check {

const char* EngineName(Engine engine) {
  switch (engine) {
    case Engine::kVllm:
      return "vllm";
    case Engine::kSglang:
      return "sglang";
    case Engine::kTensorrtLlm:
      return "tensorrt-llm";
    case Engine::kGlimmer:
      return "glimmer";
  }
  return "";
}

const char* EngineRelease(Engine engine) {
  switch (engine) {
    case Engine::kVllm:
      return "vLLM 0.33.0";
    case Engine::kSglang:
      return "SGLang 0.5.23";
    case Engine::kTensorrtLlm:
      return "TensorRT-LLM (read in copies, not run)";
    case Engine::kGlimmer:
      return "glimmer run";
  }
  return "";
}

std::optional<Engine> EngineFromName(std::string_view name) {
  for (const Engine engine : kEngines) {
    if (name == EngineName(engine)) return engine;
  }
  return std::nullopt;
}

std::span<const Rule> RulesOf(Engine engine) {
  switch (engine) {
    case Engine::kVllm:
      return kVllmRules;
    case Engine::kSglang:
      return kSglangRules;
    case Engine::kTensorrtLlm:
      return kTensorrtLlmRules;
    case Engine::kGlimmer:
      return kGlimmerRules;
  }
  return {};
}

const char* EngineReport::verdict() const {
  const Severity worst = findings.worst();
  if (!IsError(worst)) return "loads";
  return worst == Severity::kWrongValues ? "computes wrong values" : "refuses";
}

EngineReport JudgeEngine(Engine engine, const EngineInput& input) {
  switch (engine) {
    case Engine::kVllm:
      return JudgeVllm(input);
    case Engine::kSglang:
      return JudgeSglang(input);
    case Engine::kTensorrtLlm:
      return JudgeTensorrtLlm(input);
    case Engine::kGlimmer:
      return JudgeGlimmer(input);
  }
  return {};
}

}  // namespace glimmer::check
