#include "eval/gsm8k.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"

namespace glimmer::eval {
namespace {

TEST(FinalNumber, IsTheOneBehindTheMark) {
  EXPECT_EQ(FinalNumber("5 + 13 = 18\n#### 18"), "18");
  EXPECT_EQ(FinalNumber("#### 18\nThat took 2 steps."), "18");
  EXPECT_EQ(FinalNumber("####18"), "18");
  EXPECT_EQ(FinalNumber("#### 1\n#### 2"), "2");
  EXPECT_EQ(FinalNumber("#### \\boxed{7}"), "7");
  EXPECT_EQ(FinalNumber("18 ####"), "18");
}

TEST(FinalNumber, ElseInsideTheLastBox) {
  EXPECT_EQ(FinalNumber("so \\boxed{12} in 3 steps"), "12");
  EXPECT_EQ(FinalNumber("\\boxed{1} and \\boxed{-\\$2,500.00} of 4"), "-2500");
  EXPECT_EQ(FinalNumber("\\boxed{\\text{about }6\\text{ of 7}} 8"), "6");
  EXPECT_EQ(FinalNumber("\\boxed{none} 8"), "8");
  EXPECT_EQ(FinalNumber("\\boxed{9"), "9");
}

TEST(FinalNumber, ElseTheLast) {
  EXPECT_EQ(FinalNumber("16 - 3 = 13 and 13 eggs."), "13");
  EXPECT_EQ(FinalNumber("The answer is 42."), "42");
  EXPECT_EQ(FinalNumber("no number"), std::nullopt);
  EXPECT_EQ(FinalNumber(""), std::nullopt);
}

TEST(FinalNumber, IsWrittenInOneWay) {
  const std::pair<const char*, const char*> cases[] = {{"$1,234,567", "1234567"},
                                                       {"1,234.50", "1234.5"},
                                                       {"18.00", "18"},
                                                       {"0018", "18"},
                                                       {"50%", "50"},
                                                       {"-5", "-5"},
                                                       {"-$5", "-5"},
                                                       {"$-5", "-5"},
                                                       {"(-5)", "-5"},
                                                       {"= -5", "-5"},
                                                       {".5", "0.5"},
                                                       {"$.50", "0.5"},
                                                       {"-.5", "-0.5"},
                                                       {"-0", "0"},
                                                       {"0.0", "0"},
                                                       {"000", "0"},
                                                       {"1,2345", "2345"},
                                                       {"1234,567", "567"},
                                                       {"1, 2", "2"},
                                                       {"7,", "7"},
                                                       {"10-20", "20"},
                                                       {"5-3", "3"},
                                                       {"(2)-3", "3"},
                                                       {"x-3", "3"},
                                                       {"5 - 3", "3"},
                                                       {"1...5", "5"},
                                                       {"done.5", "5"},
                                                       {"3.14.", "3.14"},
                                                       {"\\$30", "30"},
                                                       {"-\\$30", "-30"},
                                                       {"1,000,00", "0"},
                                                       {"12,345 eggs", "12345"}};
  for (const auto& [text, number] : cases) EXPECT_EQ(FinalNumber(text), number) << text;
  EXPECT_EQ(FinalNumber("99999999999999999999999"), "99999999999999999999999");
}

TEST(IsRight, ComparesNumbers) {
  const Gsm8kProblem problem = {"q", "a", "1234.5"};
  EXPECT_TRUE(IsRight(problem, "It is $1,234.50."));
  EXPECT_FALSE(IsRight(problem, "It is -$1,234.50."));
  EXPECT_FALSE(IsRight(problem, "It is 1234."));
  EXPECT_FALSE(IsRight(problem, ""));
}

class ReadGsm8kTest : public ::testing::Test {
 protected:
  base::Result<std::vector<Gsm8kProblem>> Read(const std::string& text) const {
    std::ofstream(path_, std::ios::binary) << text;
    return ReadGsm8k(path_);
  }

  base::TestFolder folder_;
  std::string path_ = folder_ / "gsm8k.jsonl";
};

constexpr char kLine[] = R"({"question": "How many?", "answer": "1+1=<<1+1=2>>2\n#### 2,000"})";

TEST_F(ReadGsm8kTest, ReadsOneProblemALine) {
  const auto problems = Read(std::string(kLine) + "\r\n\n" + kLine);
  ASSERT_TRUE(problems.ok()) << problems.error().message;
  ASSERT_EQ(problems.value().size(), 2u);
  EXPECT_EQ(problems.value()[1].question, "How many?");
  EXPECT_EQ(problems.value()[1].answer, "1+1=<<1+1=2>>2\n#### 2,000");
  EXPECT_EQ(problems.value()[1].number, "2000");
}

TEST_F(ReadGsm8kTest, ErrorsNameFileAndLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"question\": ", "line 3: line 1, column"},
      {"[1]", "line 3: expected a JSON object, found [1]"},
      {R"({"answer": "#### 5"})", "line 3: question: expected a text"},
      {R"({"question": 5, "answer": "#### 5"})", "line 3: question: expected a text, found 5"},
      {R"({"question": "q"})", "line 3: answer: expected a number behind ####"},
      {R"({"question": "q", "answer": "it is 5"})", "line 3: answer: expected a number behind"},
      {R"({"question": "q", "answer": "5 ####"})", "line 3: answer: expected a number behind"},
  };
  for (const auto& [line, said] : cases) {
    const auto problems = Read(std::string(kLine) + "\n\n" + line + "\n" + kLine);
    ASSERT_FALSE(problems.ok()) << line;
    EXPECT_NE(problems.error().message.find(said), std::string::npos) << problems.error().message;
    EXPECT_NE(problems.error().message.find(path_), std::string::npos);
  }
  EXPECT_FALSE(Read("\n\n").ok());
  EXPECT_EQ(ReadGsm8k(path_ + ".none").error().kind, base::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace glimmer::eval
