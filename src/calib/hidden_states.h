// The activations of all calibration tokens between layers, on the disk: the residual stream before
// and behind the layer at work and where it was kept last, so that work that was cut short can
// begin again there; and for a layer's routed experts what they read and the sum of what they give.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "calib/row_file.h"
#include "model/config.h"
#include "model/settings.h"

namespace glimmer::calib {

// How the rows that experts read are kept, so that nothing of them is lost.
RowElement ElementOf(model::Activations activations);

// Where the residual stream stands that work can begin again with, and how to know it again.
struct KeptStream {
  size_t file = 0;   // which of the files
  std::string hash;  // XXH3 of its bytes

  bool operator==(const KeptStream&) const = default;
};

// All [tokens, H].
class HiddenStates {
 public:
  // In `folder`, with the rows of normed() in `element`. `kept`: where an earlier run kept the
  // stream, which is before() then. Errors: those of RowFile; kCorrupt when it is not that stream.
  static base::Result<HiddenStates> Open(const std::string& folder, size_t tokens, size_t width,
                                         RowElement element, const std::optional<KeptStream>& kept);
  // What the files take on the disk, at most.
  static uint64_t DiskBytes(const model::Config& config, size_t tokens, RowElement element);

  // The residual stream that enters the layer at work, and the one that leaves it.
  const RowFile& before() const { return *residual_[before_]; }
  const RowFile& behind() const { return *residual_[behind_]; }
  // What the layer's experts read.
  const RowFile& normed() const { return normed_; }

  // What the layer gives, for good, from the first row to the last. Errors: those of RowFile.
  base::Status WriteResult(size_t row, tensor::ConstMatrix rows);
  // The layer is done: what is behind it is before the next one. `keep`: and will not be
  // overwritten before a later Advance() keeps another. REQUIRES: WriteResult() had all rows.
  // Errors: those of RowFile.
  base::Status Advance(bool keep);
  // Where the stream was kept.
  const std::optional<KeptStream>& kept() const { return kept_; }

  // The sum over the routed experts, weighted.
  base::Status ReadRouted(size_t row, tensor::Matrix out) const;  // zeros where nothing was added
  base::Status WriteRouted(size_t row, tensor::ConstMatrix sum);
  // Asks for the row of normed() and of that sum, which an expert reads later.
  void WillVisit(size_t row) const;

 private:
  HiddenStates(std::string folder, std::optional<KeptStream> kept, RowFile normed, RowFile routed)
      : folder_(std::move(folder)),
        kept_(std::move(kept)),
        normed_(std::move(normed)),
        routed_(std::move(routed)),
        has_routed_(routed_.rows()) {}
  base::Status ChooseBehind();
  void ForgetRouted();

  std::string folder_;
  std::array<std::optional<RowFile>, 3> residual_;
  std::optional<KeptStream> kept_;
  base::Hasher result_hash_;  // over the rows of WriteResult()
  size_t result_rows_ = 0;
  size_t before_ = 0;
  size_t behind_ = 0;
  RowFile normed_;
  RowFile routed_;
  std::vector<uint8_t> has_routed_;  // by row
};

}  // namespace glimmer::calib
