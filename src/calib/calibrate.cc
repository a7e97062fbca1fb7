#include "calib/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>

#include "base/text.h"
#include "calib/stats_file.h"
#include "kernels/matmul.h"
#include "model/embedding.h"
#include "model/linear.h"
#include "model/pass.h"

namespace glimmer::calib {
namespace {

using base::Result;
using base::Status;
using model::TensorSpec;
using tensor::OwnedMatrix;

// Passes reads of the embedding on and lets its rows fall where their tokens are.
class EmbeddingSource : public quant::WeightSource {
 public:
  EmbeddingSource(const quant::WeightSource& source, const std::vector<TensorSpec>& specs,
                  size_t index, const Sequences& sequences, const RowFile& rows)
      : WeightSource(specs), source_(source), index_(index), rows_(rows) {
    uint32_t row = 0;
    for (const auto& sequence : sequences) {
      for (const int32_t id : sequence) places_[static_cast<uint64_t>(id)].push_back(row++);
    }
  }

  // REQUIRES: the tensor is read from its first byte to its last.
  Status ReadBytes(size_t index, uint64_t offset, std::span<std::byte> out) const override {
    GLIMMER_TRY(source_.ReadBytes(index, offset, out));
    pending_.insert(pending_.end(), out.begin(), out.end());
    return DropWholeRows();
  }
  std::string Describe(size_t index) const override { return source_.Describe(index); }
  std::string ContentHash(size_t index) const override { return source_.ContentHash(index); }

 private:
  Status DropWholeRows() const {
    const TensorSpec& embedding = spec(index_);
    const size_t width = rows_.cols();
    const size_t row_bytes = *tensor::SizeBytes(embedding.dtype, {1, width});
    const OwnedMatrix row(1, width);
    kernels::Weight rows_read = {.rows = 1, .cols = width, .stride = width};
    rows_read.format =
        embedding.dtype == tensor::DType::kF32 ? kernels::Format::kF32 : kernels::Format::kBf16;
    size_t taken = 0;
    for (; pending_.size() - taken >= row_bytes; taken += row_bytes, ++next_id_) {
      const auto places = places_.find(next_id_);
      if (places == places_.end()) continue;
      rows_read.data = pending_.data() + taken;
      kernels::DecodeRows(rows_read, 0, row);
      for (const uint32_t place : places->second) GLIMMER_TRY(rows_.Write(place, row));
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(taken));
    return {};
  }

  const quant::WeightSource& source_;
  size_t index_;
  const RowFile& rows_;
  std::map<uint64_t, std::vector<uint32_t>> places_;  // rows by token id
  mutable std::vector<std::byte> pending_;            // read, and no whole row yet
  mutable uint64_t next_id_ = 0;                      // of the row that pending_ begins with
};

// Reads the units in order, one ahead of the one at work.
class UnitReader {
 public:
  UnitReader(const std::vector<TensorSpec>& specs, const quant::WeightSource& source,
             std::vector<UnitPlan> plans, const base::CancelFlag& cancel)
      : specs_(specs), source_(source), plans_(std::move(plans)), cancel_(cancel) {
    ReadAhead();
  }
  ~UnitReader() {
    if (ahead_.valid()) ahead_.wait();
  }

  // REQUIRES: there is one.
  Result<std::unique_ptr<WeightUnit>> Next() {
    Result<std::unique_ptr<WeightUnit>> unit = ahead_.get();
    if (unit.ok()) ReadAhead();
    return unit;
  }

 private:
  void ReadAhead() {
    if (next_ == plans_.size()) return;
    const UnitPlan& plan = plans_[next_++];
    ahead_ = std::async(std::launch::async,
                        [this, &plan] { return WeightUnit::Read(specs_, source_, plan, cancel_); });
  }

  const std::vector<TensorSpec>& specs_;
  const quant::WeightSource& source_;
  std::vector<UnitPlan> plans_;
  const base::CancelFlag& cancel_;
  size_t next_ = 0;
  std::future<Result<std::unique_ptr<WeightUnit>>> ahead_;
};

class Calibration {
 public:
  Calibration(const model::Model& model, const quant::WeightSource& source,
              const std::vector<TensorSpec>& specs, base::ThreadPool& pool,
              const Sequences& sequences, const CalibrationOptions& options, WeightSink& sink,
              const base::CancelFlag& cancel, std::atomic<uint64_t>& work_done)
      : model_(model),
        source_(source),
        specs_(specs),
        pool_(pool),
        sequences_(sequences),
        options_(options),
        sink_(sink),
        cancel_(cancel),
        work_done_(work_done),
        observer_(specs, pool) {}

  Result<InputStats> Run() {
    for (const auto& sequence : sequences_) GLIMMER_TRY(CheckSequence(sequence));
    GLIMMER_TRY(base::CreateFolder(options_.folder));
    const std::string path = base::JoinPath(options_.folder, kStatsName);
    GLIMMER_ASSIGN(StoredStats stored, FindStored(path));
    if (stored.complete) return std::move(stored.stats);
    GLIMMER_ASSIGN(HiddenStates states, OpenStates(stored));
    if (!stored.stats.empty()) observer_.stats() = std::move(stored.stats);
    GLIMMER_ASSIGN(StatsWriter writer,
                   StatsWriter::Open(path, specs_, options_.settings, stored.layers_done));
    if (stored.layers_done == 0) GLIMMER_TRY(EmbedTokens(states));
    GLIMMER_TRY(RunLayers(states, writer, stored.layers_done));
    GLIMMER_TRY(WriteLastNorm());
    GLIMMER_TRY(MeasureHeadInput(states.before()));
    GLIMMER_TRY(writer.Finish(observer_.stats()));
    return std::move(observer_.stats());
  }

 private:
  // What an earlier attempt measured; nothing when it is not of these settings.
  Result<StoredStats> FindStored(const std::string& path) const {
    StoredStats stored;
    if (!base::FileExists(path)) return stored;
    GLIMMER_ASSIGN(stored, ReadStats(path, specs_, DamagedLine::kEndsThere));
    if (stored.damaged) options_.warn(base::Quoted(path) + ": is damaged and counts as shorter");
    const auto text = [](const base::JsonObject& settings) { return base::DumpJson(settings, 0); };
    if (text(stored.settings) == text(options_.settings)) return stored;
    if (!stored.settings.empty()) BeginAgain(base::Quoted(path) + ": is of other settings");
    return StoredStats();
  }

  // The activations that belong to `stored`; where they do not, new ones, and `stored` says that
  // nothing is done. A layer's statistics may be lost and the stream be behind a later one: only
  // the first layer can be sure of its input then.
  Result<HiddenStates> OpenStates(StoredStats& stored) const {
    const auto open = [&] {
      return HiddenStates::Open(options_.folder, ShapeOf(sequences_).tokens,
                                model_.config.hidden_size, ElementOf(model_.settings.activations),
                                stored.hidden);
    };
    Result<HiddenStates> states = open();
    if (states.ok() || !stored.hidden) return states;
    const base::ErrorKind kind = states.error().kind;
    if (kind != base::ErrorKind::kCorrupt && kind != base::ErrorKind::kNotFound) return states;
    BeginAgain(states.error().message);
    stored = StoredStats();
    return open();
  }

  void BeginAgain(const std::string& why) const {
    options_.warn(why + ": calibrating begins again at the first layer");
  }

  Status CheckSequence(const std::vector<int32_t>& sequence) const {
    if (sequence.size() > model_.config.max_position_embeddings) {
      return base::Invalid(fmt::format(
          "a calibration sequence has {} tokens: expected at most {}, as max_position_embeddings "
          "in {} says",
          sequence.size(), model_.config.max_position_embeddings, model::kConfigName));
    }
    return model::CheckIds(model_.config, sequence);
  }

  Status EmbedTokens(const HiddenStates& states) {
    const size_t index = model_.weights.embed_tokens.id;
    const EmbeddingSource source(source_, specs_, index, sequences_, states.before());
    return sink_.OnWeights(source, {index});
  }

  Status RunLayers(HiddenStates& states, StatsWriter& writer, size_t layers_done) {
    LayerPass pass({model_, pool_, observer_, states, cancel_, work_done_}, sequences_,
                   options_.batch_tokens);
    std::vector<UnitPlan> units = ListUnits(specs_);
    std::erase_if(units, [&](const UnitPlan& unit) { return unit.layer < layers_done; });
    const uint64_t kept =
        CalibrationWork(model_.config, sequences_) / model_.weights.layers.size() * layers_done;
    if (options_.work_kept != nullptr) *options_.work_kept = kept;
    work_done_ += kept;
    UnitReader reader(specs_, source_, units, cancel_);
    for (size_t u = 0; u < units.size();) {
      const size_t layer = units[u].layer;
      GLIMMER_ASSIGN(const std::unique_ptr<WeightUnit> shared, reader.Next());
      model::LayerWeights weights = model_.weights.layers[layer];
      shared->Redirect(weights);
      GLIMMER_TRY(pass.Begin(layer, weights));
      GLIMMER_TRY(sink_.OnWeights(*shared, units[u].specs));
      for (++u; u < units.size() && units[u].layer == layer; ++u) {
        GLIMMER_ASSIGN(const std::unique_ptr<WeightUnit> unit, reader.Next());
        const uint32_t expert = units[u].expert;
        model::MlpWeights mlp = std::get<model::MoeWeights>(weights.mlp).experts[expert];
        unit->Redirect(mlp);
        GLIMMER_TRY(pass.RunExpert(expert, mlp));
        GLIMMER_TRY(sink_.OnWeights(*unit, units[u].specs));
      }
      GLIMMER_TRY(pass.End());
      const bool keep = !pass.NextNeedsSelections();  // no going on in between
      GLIMMER_TRY(states.Advance(keep));
      if (!keep) continue;
      GLIMMER_TRY(sink_.Commit());
      GLIMMER_TRY(writer.AppendLayers(layers_done, layer + 1, observer_.stats(), *states.kept()));
      layers_done = layer + 1;
    }
    return {};
  }

  // Before it is used: a broken one is named then.
  Status WriteLastNorm() {
    for (size_t i = 0; i < specs_.size(); ++i) {
      if (specs_[i].layer != model::kNoLayer || specs_[i].kind != model::ModuleKind::kNorm)
        continue;
      GLIMMER_TRY(sink_.OnWeights(source_, {i}));
    }
    return {};
  }

  Status MeasureHeadInput(const RowFile& rows) {
    for (size_t first = 0; first < rows.rows(); first += options_.batch_tokens) {
      const size_t count = std::min(options_.batch_tokens, rows.rows() - first);
      const OwnedMatrix x(count, rows.cols());
      GLIMMER_TRY(rows.Read(first, x));
      const model::Pass pass = model::MakePass(model_, pool_, &observer_, {});
      const OwnedMatrix normed = model::NormRows(pass, x, model_.weights.norm);
      model::Announce(pass, model::LinearInput(pass, normed), model_.weights.lm_head);
    }
    if (const auto& module = observer_.broken_module()) {
      return base::Corrupt(fmt::format(
          "the input of {} is not finite: weights of the last layers are broken", *module));
    }
    return {};
  }

  const model::Model& model_;
  const quant::WeightSource& source_;
  const std::vector<TensorSpec>& specs_;
  base::ThreadPool& pool_;
  const Sequences& sequences_;
  const CalibrationOptions& options_;
  WeightSink& sink_;
  const base::CancelFlag& cancel_;
  std::atomic<uint64_t>& work_done_;
  StatsObserver observer_;
};

}  // namespace

Result<InputStats> Calibrate(const model::Model& model, const quant::WeightSource& source,
                             const std::vector<TensorSpec>& specs, base::ThreadPool& pool,
                             const Sequences& sequences, const CalibrationOptions& options,
                             WeightSink& sink, const base::CancelFlag& cancel,
                             std::atomic<uint64_t>& work_done) {
  if (ShapeOf(sequences).tokens == 0)
    return base::Invalid("calibration: expected tokens, found none");
  return Calibration(model, source, specs, pool, sequences, options, sink, cancel, work_done).Run();
}

}  // namespace glimmer::calib
