// The plain loops that define the products of attention and its indexer.
#include "kernels/ref/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/ref/elementwise.h"
#include "tensor/bf16.h"
#include "tensor/fp4.h"

namespace glimmer::kernels::scalar {
namespace {

constexpr size_t kLanes = 16;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

float Dot(const float* a, const float* b, size_t count) {
  float lanes[kLanes] = {};
  for (size_t i = 0; i < count; ++i) lanes[i % kLanes] += a[i] * b[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

// Turns one row's scores into weights and returns by how much its earlier sums shrink.
float Weigh(const AttendArgs& a, size_t n, float* scores) {
  float largest = a.maxima[n];
  for (size_t u = 0; u < a.count; ++u) {
    scores[u] = (a.visible[n] >> u & 1) == 0
                    ? kHidden
                    : Dot(a.queries + n * a.query_stride, a.keys + u * a.key_stride, a.width);
    largest = std::max(largest, scores[u]);
  }
  const float shrink = std::exp(a.scale * (a.maxima[n] - largest));
  float total = 0;
  for (size_t u = 0; u < a.count; ++u) {
    scores[u] = std::exp(a.scale * (scores[u] - largest));
    total += scores[u];
  }
  a.totals[n] = a.totals[n] * shrink + total;
  a.maxima[n] = largest;
  return shrink;
}

void Attend(const AttendArgs& a) {
  for (size_t n = 0; n < a.rows; ++n) {
    if (a.visible[n] == 0) continue;
    const float shrink = Weigh(a, n, a.scores);
    float* sums = a.sums + n * a.sum_stride;
    for (size_t d = 0; d < a.value_cols; ++d) sums[d] *= shrink;
    for (size_t u = 0; u < a.count; ++u) {
      for (size_t d = 0; d < a.value_cols; ++d) {
        sums[d] += a.scores[u] * a.values[u * a.value_stride + d];
      }
    }
  }
}

void ScoreKeys(const ScoreKeysArgs& a) {
  for (size_t u = 0; u < kKeyPanel; ++u) {
    LoadRow(a.format, a.keys[u], a.width, a.scratch + u * a.width);
  }
  for (size_t t = 0; t < a.rows; ++t) {
    for (size_t u = 0; u < kKeyPanel; ++u) {
      float score = 0;
      for (size_t h = 0; h < a.heads; ++h) {
        const float* query = a.queries + t * a.query_stride + h * a.width;
        const float dot = Dot(query, a.scratch + u * a.width, a.width);
        score += a.weights[t * a.weight_stride + h] * std::max(dot, 0.0f);
      }
      a.scores[t * a.score_stride + u] = score;
    }
  }
}

float F32Element(const HeadProductArgs& a, size_t n, size_t k) {
  return static_cast<const float*>(a.w)[n * a.w_stride + k];
}
float Bf16Element(const HeadProductArgs& a, size_t n, size_t k) {
  return tensor::Bf16ToF32(static_cast<const tensor::Bf16*>(a.w)[n * a.w_stride + k]);
}
float Nvfp4Element(const HeadProductArgs& a, size_t n, size_t k) {
  const size_t at = n * a.cols + k;
  const uint8_t pair = static_cast<const uint8_t*>(a.w)[at / 2];
  const auto code = static_cast<tensor::E2m1>(pair >> (k % 2 * 4));
  return tensor::E2m1ToF32(code) * a.e4m3_values[a.block_scales[at / kLanes]];
}

using ElementOf = float (*)(const HeadProductArgs&, size_t n, size_t k);

template <ElementOf kElement>
void SumRows(const HeadProductArgs& a) {
  for (size_t t = 0; t < a.x_rows; ++t) {
    for (size_t k = 0; k < a.cols; ++k) {
      float sum = 0;
      for (size_t n = 0; n < a.w_rows; ++n) sum += a.x[t * a.x_stride + n] * kElement(a, n, k);
      a.y[t * a.y_stride + k] = sum * a.scale;
    }
  }
}

template <ElementOf kElement>
void DotRows(const HeadProductArgs& a) {
  for (size_t t = 0; t < a.x_rows; ++t) {
    for (size_t n = 0; n < a.w_rows; ++n) {
      float lanes[kLanes] = {};
      for (size_t k = 0; k < a.cols; ++k) {
        lanes[k % kLanes] += a.x[t * a.x_stride + k] * kElement(a, n, k);
      }
      float sum = 0;
      for (const float lane : lanes) sum += lane;
      a.y[t * a.y_stride + n] = sum * a.scale;
    }
  }
}

template <ElementOf kElement>
constexpr HeadProductFunctions kHeadProducts = {SumRows<kElement>, DotRows<kElement>};

uint32_t OrderOf(float score) {
  constexpr uint32_t kSign = 0x80000000;
  const float clean = std::isnan(score) ? kHidden : score + 0.0f;  // -0 + 0 is 0
  const auto bits = std::bit_cast<uint32_t>(clean);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

}  // namespace

void CountBuckets(const CountBucketsArgs& a) {
  const uint32_t mask = (1u << a.bits) - 1;
  const unsigned above = a.shift + a.bits;
  for (size_t i = 0; i < a.count; ++i) {
    const uint32_t order = OrderOf(a.scores[i]);
    if (above < 32 && order >> above != a.prefix) continue;
    ++a.counts[order >> a.shift & mask];
  }
}

size_t ListChosen(const float* scores, size_t count, float threshold, size_t equal, uint32_t* out) {
  size_t chosen = 0;
  for (size_t i = 0; i < count; ++i) {
    const float score = std::isnan(scores[i]) ? kHidden : scores[i];
    const bool takes_equal = score == threshold && equal > 0;
    if (takes_equal) --equal;
    if (score > threshold || takes_equal) out[chosen++] = static_cast<uint32_t>(i);
  }
  return chosen;
}

const AttentionTable kAttention = {Attend,
                                   ScoreKeys,
                                   nullptr,
                                   nullptr,
                                   kHeadProducts<F32Element>,
                                   kHeadProducts<Bf16Element>,
                                   kHeadProducts<Nvfp4Element>,
                                   nullptr,
                                   CountBuckets,
                                   ListChosen};

}  // namespace glimmer::kernels::scalar
