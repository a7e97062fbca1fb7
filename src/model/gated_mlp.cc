#include "model/gated_mlp.h"

#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace glimmer::model {
namespace {

using kernels::PackedRows;
using tensor::Matrix;
using tensor::OwnedMatrix;

// Rows of a weight that a piece has at least, and a multiple of.
constexpr size_t kGrain = 32;
// Pieces for each thread: enough that a slow one does not hold up the loop.
constexpr size_t kPiecesPerThread = 16;

// Outputs [first, last) of one job's weights.
struct Piece {
  size_t job;
  size_t first, last;
};

// `outputs(job)` are the rows of the weights. Cost counts products; a weight is read at the cost of
// some rows of activations.
template <typename Outputs>
std::vector<Piece> Cut(const Pass& pass, std::span<const MlpJob> jobs, Outputs outputs) {
  constexpr size_t kReadingCost = 4;
  const auto cost = [&](size_t job) {
    return static_cast<double>(outputs(job) * jobs[job].input->cols() *
                               (jobs[job].input->rows() + kReadingCost));
  };
  double total = 0;
  for (size_t job = 0; job < jobs.size(); ++job) total += cost(job);
  const double wanted = static_cast<double>(pass.pool.threads() * kPiecesPerThread);
  std::vector<Piece> pieces;
  for (size_t job = 0; job < jobs.size(); ++job) {
    const size_t grains = (outputs(job) + kGrain - 1) / kGrain;
    const auto share = static_cast<size_t>(cost(job) / total * wanted + 0.5);
    const size_t count = std::clamp<size_t>(share, 1, grains);
    for (size_t i = 0; i < count; ++i) {
      pieces.push_back({job, grains * i / count * kGrain,
                        std::min(outputs(job), grains * (i + 1) / count * kGrain)});
    }
  }
  return pieces;
}

using MlpMatrix = Weight MlpWeights::*;

Weight PartOf(std::span<const MlpJob> jobs, const Piece& piece, MlpMatrix matrix) {
  return RowsOf(jobs[piece.job].weights->*matrix, piece.first, piece.last - piece.first);
}

// Asks for the piece behind piece i, which its thread takes next if it has one.
void PrefetchNext(std::span<const MlpJob> jobs, const std::vector<Piece>& pieces, size_t i,
                  MlpMatrix matrix) {
  if (i + 1 < pieces.size()) kernels::Prefetch(PartOf(jobs, pieces[i + 1], matrix));
}

void MultiplySilu(Matrix gate, Matrix up) {
  for (size_t row = 0; row < gate.rows; ++row) {
    kernels::SiluMul(gate.row_span(row), up.row_span(row), gate.row_span(row));
  }
}

// silu(gate(x)) * up(x) of each job, [T, F].
std::vector<OwnedMatrix> Products(const Pass& pass, std::span<const MlpJob> jobs) {
  std::vector<const PackedRows*> for_gate, for_up;
  std::vector<OwnedMatrix> gates, ups;
  for (const MlpJob& job : jobs) {
    const MlpWeights& weights = *job.weights;
    Announce(pass, *job.input, weights.gate_proj);
    Announce(pass, *job.input, weights.up_proj);
    for_gate.push_back(&job.input->For(weights.gate_proj));
    for_up.push_back(&job.input->For(weights.up_proj));
    gates.emplace_back(job.input->rows(), weights.gate_proj.rows);
    ups.emplace_back(job.input->rows(), weights.up_proj.rows);
  }
  const std::vector<Piece> pieces =
      Cut(pass, jobs, [&](size_t job) { return jobs[job].weights->gate_proj.rows; });
  pass.pool.Run(pieces.size(), [&](size_t i, size_t) {
    const Piece& piece = pieces[i];
    const Matrix gate = gates[piece.job].view().Cols(piece.first, piece.last - piece.first);
    const Matrix up = ups[piece.job].view().Cols(piece.first, piece.last - piece.first);
    const Weight up_proj = PartOf(jobs, piece, &MlpWeights::up_proj);
    kernels::Prefetch(up_proj);
    kernels::MatMulHere(*for_gate[piece.job], PartOf(jobs, piece, &MlpWeights::gate_proj), gate);
    PrefetchNext(jobs, pieces, i, &MlpWeights::gate_proj);
    kernels::MatMulHere(*for_up[piece.job], up_proj, up);
    MultiplySilu(gate, up);
  });
  return gates;
}

}  // namespace

OwnedMatrix ApplyMlps(const Pass& pass, std::span<const MlpJob> jobs) {
  const std::vector<OwnedMatrix> products = Products(pass, jobs);
  std::deque<LinearInput> inputs;
  std::vector<const PackedRows*> packed;
  std::vector<size_t> first_rows;
  size_t rows = 0;
  for (size_t job = 0; job < jobs.size(); ++job) {
    const Weight& down = jobs[job].weights->down_proj;
    Announce(pass, inputs.emplace_back(pass, products[job]), down);
    packed.push_back(&inputs.back().For(down));
    first_rows.push_back(rows);
    rows += packed.back()->rows;
  }
  OwnedMatrix results(rows, jobs[0].weights->down_proj.rows);
  const std::vector<Piece> pieces = Cut(pass, jobs, [&](size_t) { return results.view().cols; });
  pass.pool.Run(pieces.size(), [&](size_t i, size_t) {
    const Piece& piece = pieces[i];
    const Matrix of_job = results.view().Rows(first_rows[piece.job], packed[piece.job]->rows);
    PrefetchNext(jobs, pieces, i, &MlpWeights::down_proj);
    kernels::MatMulHere(*packed[piece.job], PartOf(jobs, piece, &MlpWeights::down_proj),
                        of_job.Cols(piece.first, piece.last - piece.first));
  });
  return results;
}

}  // namespace glimmer::model
