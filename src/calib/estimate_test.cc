#include "calib/estimate.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_folder.h"

namespace glimmer::calib {
namespace {

TEST(MeasureDisk, LeavesNothingBehind) {
  const base::TestFolder folder;
  const auto speed = MeasureDisk(folder.path());
  ASSERT_TRUE(speed.ok()) << speed.error().message;
  EXPECT_GT(speed.value().write_bytes_per_second, 0);
  EXPECT_GT(speed.value().read_bytes_per_second, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_FALSE(MeasureDisk(folder / "none").ok());
}

TEST(SpillTraffic, CountsWhatALayerPassReadsAndWrites) {
  model::Config config;
  config.hidden_size = 10;
  config.num_hidden_layers = 3;
  config.num_experts_per_tok = 8;
  config.mlp_layer_types = {model::MlpKind::kDense, model::MlpKind::kSparse,
                            model::MlpKind::kSparse};
  const SpillTraffic traffic = SpillTrafficOf(config, 5, RowElement::kBf16);
  const uint64_t rows = 5 * 10;
  EXPECT_EQ(traffic.synced, 3 * 4 * rows);
  EXPECT_EQ(traffic.written, rows * (4 + 3 * 8 + 2 * (2 + 8 * 4)));
  EXPECT_EQ(traffic.read, rows * (3 * 8 + 2 * 8 * (2 + 4)));
}

}  // namespace
}  // namespace glimmer::calib
