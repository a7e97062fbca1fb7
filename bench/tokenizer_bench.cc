// Speed of the tokenizer on GLM's vocabulary: loading, splitting, encoding, decoding, and the
// general path through PCRE2 for comparison. The texts are made here, so that it runs anywhere;
// bench/tokenizer_vs_pypi.py compares with PyPI `tokenizers` on real files.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <array>
#include <string>
#include <vector>

#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace glimmer::text {
namespace {

constexpr size_t kTextBytes = 1 << 20;

const std::string& GlmJson() {
  static const std::string json = [] {
    const std::string path =
        std::string(GLIMMER_SOURCE_DIR) + "/tests/testdata/tokenizers/glm46.tokenizer.json.gz";
    std::string content;
    gzFile file = gzopen(path.c_str(), "rb");
    std::array<char, 1 << 16> block;
    for (int n = 0; file != nullptr && (n = gzread(file, block.data(), block.size())) > 0;) {
      content.append(block.data(), static_cast<size_t>(n));
    }
    gzclose(file);
    return content;
  }();
  return json;
}

const Tokenizer& Glm(Scanning scanning) {
  const auto make = [](Scanning how) {
    TokenizerParts parts = ReadTokenizerJson(GlmJson(), "glm46").value();
    parts.scanning = how;
    return TokenizerBuilder::Build(std::move(parts), "glm46").value();
  };
  static const Tokenizer scanner = make(Scanning::kScannersWhereKnown);
  static const Tokenizer regex = make(Scanning::kRegexOnly);
  return scanning == Scanning::kScannersWhereKnown ? scanner : regex;
}

// Numbered variations of a line, so that not every word is in the word cache.
std::string Text(const std::string& line) {
  std::string text;
  for (unsigned i = 1; text.size() < kTextBytes; i = i * 1664525 + 1013904223) {
    text += line + " x" + std::to_string(i % 100000) + "\n";
  }
  return text;
}

const std::string kEnglish = "It's the engine's 3rd pass over these 1,024 words; nobody's hurried.";
const std::string kCode = "  if (count[i] >= kLimit) { return Fail(\"bad\", i); }  // see x_y.z()";
const std::string kChinese = "模型在处理器上运行，每秒生成的词元数量取决于内存带宽。";

void Load(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::FromJson(GlmJson(), "glm46").ok());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(GlmJson().size()));
}

void Encode(benchmark::State& state, const std::string& line, Scanning scanning) {
  const Tokenizer& tokenizer = Glm(scanning);
  const std::string text = Text(line);
  if (tokenizer.Encode(text).value() != Glm(Scanning::kRegexOnly).Encode(text).value()) {
    return state.SkipWithError("scanner and expression disagree");
  }
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.Encode(text).value().data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void Decode(benchmark::State& state, const std::string& line) {
  const Tokenizer& tokenizer = Glm(Scanning::kScannersWhereKnown);
  const std::vector<TokenId> ids = tokenizer.Encode(Text(line)).value();
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.Decode(ids).value().data());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(ids.size()));
}

void Stream(benchmark::State& state, const std::string& line) {
  const Tokenizer& tokenizer = Glm(Scanning::kScannersWhereKnown);
  const std::vector<TokenId> ids = tokenizer.Encode(Text(line)).value();
  for (auto _ : state) {
    StreamDecoder decoder(tokenizer);
    for (const TokenId id : ids) benchmark::DoNotOptimize(decoder.Push(id).value().data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(ids.size()));
}

constexpr Scanning kScanner = Scanning::kScannersWhereKnown, kRegex = Scanning::kRegexOnly;
BENCHMARK(Load)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, english, kEnglish, kScanner)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, english_regex, kEnglish, kRegex)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, code, kCode, kScanner)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Encode, chinese, kChinese, kScanner)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Decode, english, kEnglish)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Decode, chinese, kChinese)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Stream, chinese, kChinese)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glimmer::text

BENCHMARK_MAIN();
