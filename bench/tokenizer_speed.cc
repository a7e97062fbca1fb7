// Times the tokenizer as bench/tokenizer_vs_pypi.py asks for it.
//
// usage: tokenizer_speed TOKENIZER.json ROUNDS FILE...
//
// Prints one line of JSON: the seconds of each load, and for each file its bytes, tokens, a sum
// over the ids and the seconds of each encoding and decoding.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "text/tokenizer.h"

namespace {

using glimmer::text::Tokenizer;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

template <typename T>
T OrExit(glimmer::base::Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

template <typename Work>
double Seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Changes when any id or its place does.
uint64_t Sum(const std::vector<glimmer::text::TokenId>& ids) {
  uint64_t sum = 0;
  for (size_t i = 0; i < ids.size(); ++i) sum += static_cast<uint64_t>(ids[i]) * (i % 1009 + 1);
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: tokenizer_speed TOKENIZER.json ROUNDS FILE...\n");
    return 2;
  }
  const int rounds = std::atoi(argv[2]);
  std::vector<double> loads;
  for (int i = 0; i < rounds; ++i) {
    loads.push_back(Seconds([&] { OrExit(Tokenizer::Load(argv[1])); }));
  }
  const Tokenizer tokenizer = OrExit(Tokenizer::Load(argv[1]));
  std::string files;
  for (int arg = 3; arg < argc; ++arg) {
    const std::string text = OrExit(glimmer::base::ReadTextFile(argv[arg], kMaxFileBytes));
    std::vector<glimmer::text::TokenId> ids;
    std::vector<double> encode, decode;
    for (int i = 0; i < rounds; ++i) {
      encode.push_back(Seconds([&] { ids = OrExit(tokenizer.Encode(text)); }));
      decode.push_back(Seconds([&] { OrExit(tokenizer.Decode(ids)); }));
    }
    files +=
        fmt::format(R"({}{{"bytes": {}, "tokens": {}, "sum": {}, "encode": [{}], "decode": [{}]}})",
                    files.empty() ? "" : ", ", text.size(), ids.size(), Sum(ids),
                    fmt::join(encode, ", "), fmt::join(decode, ", "));
  }
  fmt::print(R"({{"load": [{}], "files": [{}]}})", fmt::join(loads, ", "), files);
  return 0;
}
