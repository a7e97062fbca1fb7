#include "eval/saved_logits.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"

namespace glimmer::eval {
namespace {

using text::TokenId;

constexpr size_t kTokens = 5, kVocab = 3;

class SavedLogitsTest : public ::testing::Test {
 protected:
  SavedLogitsTest() {
    for (size_t i = 0; i < kTokens * kVocab; ++i) {
      logits_.push_back(static_cast<float>(i) / 4);
      mtp_.push_back(-static_cast<float>(i));
    }
    mtp_.resize((kTokens - 1) * kVocab);
  }
  std::span<const float> Rows(const std::vector<float>& tensor, size_t begin, size_t end) const {
    return std::span(tensor).subspan(begin * kVocab, (end - begin) * kVocab);
  }

  void Write(MtpLogits mtp) const {
    ASSERT_TRUE(base::RemoveFile(path_).ok());
    auto writer = LogitsWriter::Create(path_, ids_, kVocab, mtp);
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    ASSERT_TRUE(writer.value().Append(Rows(logits_, 0, 2)).ok());
    if (mtp == MtpLogits::kPresent) {
      ASSERT_TRUE(writer.value().AppendMtp(Rows(mtp_, 0, 1)).ok());
    }
    ASSERT_TRUE(writer.value().Append(Rows(logits_, 2, 5)).ok());
    if (mtp == MtpLogits::kPresent) {
      ASSERT_TRUE(writer.value().AppendMtp(Rows(mtp_, 1, 4)).ok());
    }
    EXPECT_FALSE(base::FileExists(path_));  // not before it is complete
    ASSERT_TRUE(writer.value().Finish().ok());
    EXPECT_FALSE(base::FileExists(base::PartialPath(path_)));
  }

  // Writes a file of the given tensors, all zero.
  void WriteZeros(std::vector<io::TensorInfo> tensors) const {
    for (io::TensorInfo& info : tensors) {
      info.size_bytes = tensor::SizeBytes(info.dtype, info.shape).value();
    }
    std::string text = io::LayOutSafetensors(tensors);
    text.resize(tensors.back().offset + tensors.back().size_bytes, '\0');
    ASSERT_TRUE(base::WriteFileAtomically(path_, text).ok());
  }

  void ExpectRefused(const std::vector<TokenId>& ids, const std::string& said) const {
    const auto saved = SavedLogits::Open(path_, ids, kVocab);
    ASSERT_FALSE(saved.ok()) << said;
    EXPECT_EQ(saved.error().kind, base::ErrorKind::kInvalid);
    EXPECT_EQ(saved.error().message, "\"" + path_ + "\": " + said);
  }

  base::TestFolder folder_;
  const std::string path_ = folder_ / "l.safetensors";
  const std::vector<TokenId> ids_ = {2, 0, 1, 1, 2};
  std::vector<float> logits_, mtp_;
};

TEST_F(SavedLogitsTest, ComeBackRowByRow) {
  for (const MtpLogits mtp : {MtpLogits::kAbsent, MtpLogits::kPresent}) {
    Write(mtp);
    const auto saved = SavedLogits::Open(path_, ids_, kVocab);
    ASSERT_TRUE(saved.ok()) << saved.error().message;
    EXPECT_EQ(saved.value().has_mtp(), mtp == MtpLogits::kPresent);
    std::vector<float> row(kVocab);
    for (const size_t t : {4u, 0u, 3u, 1u, 2u}) {
      ASSERT_TRUE(saved.value().ReadRow(t, row).ok());
      EXPECT_TRUE(std::ranges::equal(row, Rows(logits_, t, t + 1))) << t;
      if (t == 4 || mtp == MtpLogits::kAbsent) continue;
      ASSERT_TRUE(saved.value().ReadMtpRow(t, row).ok());
      EXPECT_TRUE(std::ranges::equal(row, Rows(mtp_, t, t + 1))) << t;
    }
  }
}

// What `safetensors.numpy.save_file` writes for the same tensors, but for its padding.
TEST_F(SavedLogitsTest, AreTheFormatsOwnBytes) {
  Write(MtpLogits::kPresent);
  const std::string text = base::ReadTextFile(path_, 10'000).value();
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"logits":{"dtype":"F32","shape":[5,3],)"
      R"("data_offsets":[0,60]},"mtp_logits":{"dtype":"F32","shape":[4,3],"data_offsets":[60,108]},)"
      R"("input_ids":{"dtype":"I32","shape":[5],"data_offsets":[108,128]}})";
  EXPECT_EQ(text.substr(8, header.size()), header);
  EXPECT_EQ(text.size(), 8 + (header.size() + 7) / 8 * 8 + 128);
  EXPECT_EQ(text.substr(text.size() - 20),
            std::string("\2\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0", 20));
}

TEST_F(SavedLogitsTest, OfAnotherTextAreRefusedByTheFirstDifference) {
  Write(MtpLogits::kAbsent);
  ExpectRefused({2, 0, 1, 0, 0},
                "input_ids: the logits are of another text: position 3 has token 1, expected 0");
  ExpectRefused({1, 0},
                "input_ids: the logits are of another text: position 0 has token 2, expected 1");
  ExpectRefused(
      {2, 0, 1},
      "input_ids: the logits are of another text: expected 3 tokens, found 5, the first 3 "
      "being the same");
  ExpectRefused(
      {2, 0, 1, 1, 2, 2},
      "input_ids: the logits are of another text: expected 6 tokens, found 5, the first 5 "
      "being the same");
}

TEST_F(SavedLogitsTest, LongTextsAreComparedToTheEnd) {
  std::vector<TokenId> ids;
  for (TokenId i = 0; i < 200'000; ++i) ids.push_back(i % 3);
  auto writer = LogitsWriter::Create(path_, ids, kVocab, MtpLogits::kAbsent);
  ASSERT_TRUE(writer.value().Append(std::vector<float>(ids.size() * kVocab)).ok());
  ASSERT_TRUE(writer.value().Finish().ok());
  EXPECT_TRUE(SavedLogits::Open(path_, ids, kVocab).ok());
  for (const size_t place : {65'535u, 65'536u, 199'999u}) {
    std::vector<TokenId> other = ids;
    other[place] = (ids[place] + 1) % 3;
    const auto saved = SavedLogits::Open(path_, other, kVocab);
    ASSERT_FALSE(saved.ok());
    EXPECT_NE(saved.error().message.find("position " + std::to_string(place) + " has token"),
              std::string::npos)
        << saved.error().message;
  }
}

TEST_F(SavedLogitsTest, OtherTensorsAreRefused) {
  using enum tensor::DType;
  const io::TensorInfo ids = {"input_ids", kI32, {2}, 0, 0},
                       logits = {"logits", kF32, {2, 3}, 0, 0};
  const std::vector<TokenId> zeros = {0, 0};
  const std::pair<std::vector<io::TensorInfo>, const char*> cases[] = {
      {{logits}, "has no tensor \"input_ids\""},
      {{ids}, "has no tensor \"logits\""},
      {{logits, {"input_ids", kI64, {2}, 0, 0}}, "input_ids: expected I32 [T], found I64 [2]"},
      {{logits, {"input_ids", kI32, {1, 2}, 0, 0}},
       "input_ids: expected I32 [T], found I32 [1, 2]"},
      {{ids, {"logits", kBF16, {2, 3}, 0, 0}},
       "logits: expected F32 [2, 3] for this text and model, found BF16 [2, 3]"},
      {{ids, {"logits", kF32, {2, 4}, 0, 0}},
       "logits: expected F32 [2, 3] for this text and model, found F32 [2, 4]"},
      {{ids, {"logits", kF32, {1, 3}, 0, 0}},
       "logits: expected F32 [2, 3] for this text and model, found F32 [1, 3]"},
      {{ids, logits, {"mtp_logits", kF32, {2, 3}, 0, 0}},
       "mtp_logits: expected F32 [1, 3] for this text and model, found F32 [2, 3]"},
      {{ids, logits, {"hidden", kF32, {1}, 0, 0}},
       "tensor \"hidden\": expected only logits, input_ids and mtp_logits"},
  };
  for (const auto& [tensors, said] : cases) {
    WriteZeros(tensors);
    ExpectRefused(zeros, said);
  }
  WriteZeros({ids, logits});
  EXPECT_TRUE(SavedLogits::Open(path_, zeros, kVocab).ok());
}

TEST_F(SavedLogitsTest, FilesThatAreNoneAreErrors) {
  EXPECT_EQ(SavedLogits::Open(path_, ids_, kVocab).error().kind, base::ErrorKind::kNotFound);
  ASSERT_TRUE(base::WriteFileAtomically(path_, "not a safetensors file").ok());
  EXPECT_EQ(SavedLogits::Open(path_, ids_, kVocab).error().kind, base::ErrorKind::kCorrupt);
  const auto nowhere =
      LogitsWriter::Create(folder_ / "none/l.safetensors", ids_, kVocab, MtpLogits::kAbsent);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().kind, base::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace glimmer::eval
