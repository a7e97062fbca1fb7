// Properties of the forward pass that need no oracle, on a small model from the goldens.
#include "model/forward.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/test_folder.h"
#include "model/loaded_checkpoint.h"
#include "model/mtp.h"

namespace glimmer::model {
namespace {

const std::string kForward = std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/forward/";
const std::string kModels = std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/models/";

base::Result<Model> LoadFrom(const std::string& folder, Settings settings) {
  GLIMMER_ASSIGN(const LoadedCheckpoint checkpoint, LoadCheckpoint(folder));
  return LoadModel(checkpoint, settings);
}

std::vector<int32_t> SomeIds(size_t count) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((7 * i + i * i) % 90));
  return ids;
}

std::vector<float> Compute(const Model& model, base::ThreadPool& pool, Sequence& sequence,
                           std::span<const int32_t> ids) {
  const Continuation next = {&sequence, ids};
  const auto hidden = Forward(model, pool, {&next, 1});
  EXPECT_TRUE(hidden.ok()) << hidden.error().message;
  const tensor::OwnedMatrix logits = Logits(model, pool, hidden.value());
  return {logits.elements().begin(), logits.elements().end()};
}

std::string ErrorOf(const base::Result<Model>& model) {
  return model.ok() ? "" : model.error().message;
}

// A copy of a golden checkpoint that a test may damage.
class Damaged {
 public:
  explicit Damaged(const std::string& source) { std::filesystem::copy(source, folder_.path()); }
  const std::string& folder() const { return folder_.path(); }

  // Replaces the first occurrence in the file, without moving any byte.
  void Replace(const std::string& file, const std::string& from, const std::string& to) const {
    const std::string path = folder_ / file;
    std::string bytes = base::ReadTextFile(path, 10'000'000).value();
    ASSERT_EQ(from.size(), to.size());
    ASSERT_NE(bytes.find(from), std::string::npos) << from;
    bytes.replace(bytes.find(from), from.size(), to);
    std::ofstream(path, std::ios::binary) << bytes;
  }

 private:
  base::TestFolder folder_;
};

TEST(Forward, SequencesComputedTogetherAreThoseComputedAlone) {
  const auto model = LoadFrom(kForward + "sparse", {.activations = Activations::kBf16});
  ASSERT_TRUE(model.ok()) << model.error().message;
  base::ThreadPool pool(2);
  const std::vector<int32_t> first = SomeIds(30), second = {5, 80, 3, 3, 17};
  Sequence a(model.value()), b(model.value()), both_a(model.value()), both_b(model.value());
  const std::vector<float> alone_a = Compute(model.value(), pool, a, first);
  const std::vector<float> alone_b = Compute(model.value(), pool, b, second);
  const Continuation together[] = {{&both_a, first}, {&both_b, second}};
  const auto hidden = Forward(model.value(), pool, together);
  ASSERT_TRUE(hidden.ok());
  const tensor::OwnedMatrix logits = Logits(model.value(), pool, hidden.value());
  const std::span<float> all = logits.elements();
  EXPECT_TRUE(std::equal(alone_a.begin(), alone_a.end(), all.begin()));
  EXPECT_TRUE(std::equal(alone_b.begin(), alone_b.end(),
                         all.begin() + static_cast<ptrdiff_t>(alone_a.size())));
}

TEST(Forward, AShorterLengthForgetsWhatFollows) {
  const auto model = LoadFrom(kForward + "sparse", {.activations = Activations::kF32});
  ASSERT_TRUE(model.ok());
  base::ThreadPool pool(1);
  const std::vector<int32_t> ids = SomeIds(20);
  Sequence sequence(model.value()), fresh(model.value());
  Compute(model.value(), pool, sequence, SomeIds(20));
  sequence.length = 12;
  const std::vector<int32_t> other = {9, 8, 7};
  const std::vector<float> again = Compute(model.value(), pool, sequence, other);
  Compute(model.value(), pool, fresh, std::span(ids).first(12));
  EXPECT_EQ(again, Compute(model.value(), pool, fresh, other));
}

TEST(Forward, NumberOfThreadsChangesNoBit) {
  const auto model = LoadFrom(kForward + "groups", {});
  ASSERT_TRUE(model.ok());
  base::ThreadPool one(1), three(3);
  Sequence a(model.value()), b(model.value());
  EXPECT_EQ(Compute(model.value(), one, a, SomeIds(33)),
            Compute(model.value(), three, b, SomeIds(33)));
}

TEST(Forward, RefusesIdsAndPositionsBeyondTheModel) {
  const auto model = LoadFrom(kForward + "sparse", {});
  ASSERT_TRUE(model.ok());
  base::ThreadPool pool(1);
  Sequence sequence(model.value());
  const std::vector<int32_t> bad = {1, 2, 96};
  Continuation next = {&sequence, bad};
  const auto refused = Forward(model.value(), pool, {&next, 1});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "token 2 is 96: expected an id from 0 to 95, as vocab_size in config.json says");
  EXPECT_EQ(sequence.length, 0u);
  const std::vector<int32_t> too_long(257, 1);
  next.ids = too_long;
  const auto longer = Forward(model.value(), pool, {&next, 1});
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().message,
            "the text has 257 tokens: expected at most 256, as max_position_embeddings in "
            "config.json says");
}

TEST(LoadModel, TheCacheIsWhatTheCheckpointAnnounces) {
  const auto plain = LoadFrom(kForward + "dense", {.activations = Activations::kBf16});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().kv_cache, KvCacheType::kBf16);
  const auto exact = LoadFrom(kForward + "dense", {.activations = Activations::kF32});
  ASSERT_TRUE(exact.ok());
  EXPECT_EQ(exact.value().kv_cache, KvCacheType::kF32);
}

TEST(LoadModel, NvfpActivationsNeedInputScales) {
  const auto model = LoadFrom(kModels + "basic/modelopt", {.activations = Activations::kNvfp4});
  EXPECT_TRUE(model.ok()) << ErrorOf(model);
  const Damaged damaged(kModels + "basic/modelopt");
  // To a name that is passed over: one of the scales of a cache.
  damaged.Replace("model.safetensors", "layers.0.self_attn.q_a_proj.input_scale",
                  "layers.0.self_attn.q_a_proj.inp.k_scale");
  EXPECT_NE(ErrorOf(LoadFrom(damaged.folder(), {.activations = Activations::kNvfp4}))
                .find("\"model.layers.0.self_attn.q_a_proj.input_scale\" is missing"),
            std::string::npos);
  EXPECT_EQ(ErrorOf(LoadFrom(damaged.folder(), {})), "");
}

TEST(LoadModel, NamesTheTensorThatIsNotAsTheConfigSays) {
  const Damaged damaged(kForward + "dense");
  damaged.Replace("config.json", "\"q_lora_rank\": 32", "\"q_lora_rank\": 31");
  const std::string error = ErrorOf(LoadFrom(damaged.folder(), {}));
  EXPECT_NE(error.find("q_a_proj.weight\": expected BF16 [31, 48], found BF16 [32, 48]"),
            std::string::npos)
      << error;
}

// modelopt's exports leave the MTP layer out and the config as it was.
TEST(LoadModel, AModelWithoutItsMtpTensorsRunsWithoutThem) {
  const Damaged damaged(kForward + "dense");
  damaged.Replace("config.json", "\"num_nextn_predict_layers\": 0",
                  "\"num_nextn_predict_layers\": 1");
  const auto model = LoadFrom(damaged.folder(), {});
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  EXPECT_TRUE(model.value().weights.mtp.empty());
}

TEST(LoadModel, HalfAnMtpLayerIsRefused) {
  const Damaged damaged(kForward + "mtp");
  damaged.Replace("model.safetensors", "model.layers.2.enorm.weight",
                  "model.layers.2.enorm.weighs");
  EXPECT_NE(ErrorOf(LoadFrom(damaged.folder(), {}))
                .find("\"model.layers.2.enorm.weight\", which config.json asks for, is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace glimmer::model
