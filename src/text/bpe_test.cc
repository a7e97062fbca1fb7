#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>

#include "unicode/random_text.h"

namespace glimmer::text {
namespace {

using unicode::RandomText;

using Ids = std::vector<TokenId>;

struct Rule {
  TokenId left, right, made;
};

// Bytes are tokens 0..255; `rules` make tokens 256 and up, in the order of their rank.
class Model {
 public:
  explicit Model(const std::vector<Rule>& rules) : rules_(rules) {
    auto vocabulary = std::make_shared<Vocabulary>();
    std::array<TokenId, 256> byte_ids;
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      byte_ids[byte] = byte;
      vocabulary->Add({&c, 1}, byte);
    }
    MergeTable merges;
    for (size_t rank = 0; rank < rules.size(); ++rank) {
      const Rule& rule = rules[rank];
      // Two rules may make the same text; here they make two tokens all the same.
      vocabulary->AddHidden(
          std::string(vocabulary->Bytes(rule.left)) + std::string(vocabulary->Bytes(rule.right)),
          rule.made);
      merges.Add(rule.left, rule.right, MakeMerge(static_cast<uint32_t>(rank), rule.made));
    }
    bpe_ =
        std::make_unique<Bpe>(vocabulary, std::move(merges), byte_ids, Bpe::WholeWords::kByMerging);
  }

  Ids Encode(std::string_view word) {
    Ids out;
    bpe_->AppendWord(word, scratch_, out);
    return out;
  }

  // The definition, word for word: the lowest rank present, its leftmost place.
  Ids ByDefinition(std::string_view word) const {
    Ids ids;
    for (const char c : word) ids.push_back(static_cast<unsigned char>(c));
    while (true) {
      size_t best_rank = rules_.size(), at = 0;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        for (size_t rank = 0; rank < best_rank; ++rank) {
          if (rules_[rank].left != ids[i] || rules_[rank].right != ids[i + 1]) continue;
          best_rank = rank;
          at = i;
        }
      }
      if (best_rank == rules_.size()) return ids;
      ids[at] = rules_[best_rank].made;
      ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
  }

 private:
  std::vector<Rule> rules_;
  std::unique_ptr<Bpe> bpe_;
  BpeScratch scratch_;
};

std::vector<Rule> RandomRules(RandomText& random) {
  constexpr size_t kLongestToken = 24;
  std::vector<Rule> rules;
  std::map<TokenId, size_t> lengths = {{'a', 1}, {'b', 1}, {'c', 1}};
  std::vector<TokenId> tokens = {'a', 'b', 'c'};
  for (int i = 0; i < 60; ++i) {
    const auto next = static_cast<TokenId>(253 + tokens.size());
    const Rule rule{tokens[random.Below(tokens.size())], tokens[random.Below(tokens.size())], next};
    const bool known = std::any_of(rules.begin(), rules.end(), [&](const Rule& other) {
      return other.left == rule.left && other.right == rule.right;
    });
    const size_t length = lengths[rule.left] + lengths[rule.right];
    if (known || length > kLongestToken) continue;
    lengths[next] = length;
    rules.push_back(rule);
    tokens.push_back(next);
  }
  return rules;
}

TEST(Bpe, FollowsTheDefinitionForWordsOfEveryLength) {
  RandomText random(11);
  for (int round = 0; round < 60; ++round) {
    Model model(RandomRules(random));
    for (int i = 0; i < 60; ++i) {
      std::string word;
      const size_t length = 1 + random.Below(i % 4 == 0 ? 300 : 40);
      while (word.size() < length) word += "abc"[random.Below(3)];
      ASSERT_EQ(model.Encode(word), model.ByDefinition(word)) << word;
      ASSERT_EQ(model.Encode(word), model.ByDefinition(word)) << "from the cache: " << word;
    }
  }
}

TEST(Bpe, TakesAMegabyteOfOneLetter) {
  std::vector<Rule> rules;
  TokenId last = 'a';
  for (TokenId made = 256; made < 262; last = made++) rules.push_back({last, last, made});
  Model model(rules);
  const Ids ids = model.Encode(std::string(1 << 20, 'a'));
  EXPECT_EQ(ids, Ids((1 << 20) / 64, 261));
}

TEST(MergeTable, RefusesASecondRuleForAPair) {
  MergeTable merges;
  EXPECT_TRUE(merges.Add(1, 2, MakeMerge(0, 3)));
  EXPECT_FALSE(merges.Add(1, 2, MakeMerge(1, 4)));
  EXPECT_EQ(merges.Find(1, 2), MakeMerge(0, 3));
  EXPECT_EQ(merges.Find(2, 1), kNoMerge);
  EXPECT_EQ(MadeBy(merges.Find(1, 2)), 3);
}

TEST(Vocabulary, FindsByIdAndByBytes) {
  Vocabulary vocabulary;
  EXPECT_EQ(vocabulary.Find("x"), -1);
  for (TokenId id = 0; id < 5000; ++id) {
    EXPECT_EQ(vocabulary.Add("t" + std::to_string(id), id * 2), Vocabulary::Added::kYes);
  }
  EXPECT_EQ(vocabulary.Add("t7", 1), Vocabulary::Added::kTokenTaken);
  EXPECT_EQ(vocabulary.Add("new", 14), Vocabulary::Added::kIdTaken);
  for (TokenId id = 0; id < 5000; ++id) {
    EXPECT_EQ(vocabulary.Find("t" + std::to_string(id)), id * 2);
  }
  EXPECT_EQ(vocabulary.Find("t5000"), -1);
  EXPECT_FALSE(vocabulary.Has(1) || vocabulary.Has(-1) || vocabulary.Has(9999));
  EXPECT_EQ(vocabulary.Size(), 9999u);
  EXPECT_EQ(vocabulary.AddForeign("中", 1), Vocabulary::Added::kYes);
  EXPECT_TRUE(vocabulary.IsForeign(1) && !vocabulary.IsForeign(2));
  EXPECT_EQ(vocabulary.Find("中"), -1);
  EXPECT_EQ(vocabulary.FindForeign("中"), 1);
}

}  // namespace
}  // namespace glimmer::text
