// What the model remembers of one text: for each layer and position the latent of all keys and
// values (512 + 64 numbers in GLM-5.1, whatever the number of heads) and the indexer's key.
// One thread at a time.
// Source: docs/model.md#memory-per-token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cache_rows.h"
#include "model/model.h"

namespace glimmer::model {

// Rows of one kind by position, in blocks that never move.
class RowStore {
 public:
  RowStore(kernels::CacheFormat format, size_t cols);

  size_t cols() const { return cols_; }
  // Whether all values are BF16 numbers. REQUIRES: a store of latents.
  bool is_bf16() const { return format_ != kernels::CacheFormat::kF32; }
  // Of a row as stored.
  size_t row_bytes() const { return row_bytes_; }
  // Makes room for positions below `count`.
  void Grow(size_t count);
  // REQUIRES for all: there is room for the position. Different positions may be stored from
  // several threads at once.
  void Store(size_t position, std::span<const float> values);
  void Load(size_t position, std::span<float> values) const;
  // Rows [first, first + count), and those at the given positions, as they are stored; `rows` is
  // filled with their addresses and must outlive the result.
  kernels::CachedRows Rows(size_t first, size_t count, std::vector<const std::byte*>& rows) const;
  kernels::CachedRows Rows(std::span<const uint32_t> positions,
                           std::vector<const std::byte*>& rows) const;

 private:
  std::byte* Row(size_t position) const;

  kernels::CacheFormat format_;
  size_t cols_;
  size_t row_bytes_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

struct LayerCache {
  RowStore latents;  // [S, R + Dr]: kv_a_layernorm's output, then the rotated key
  RowStore keys;     // [S, index_head_dim] after LayerNorm and rotation; 0 columns in layers that
                     // share an indexer
  void Grow(size_t count);
};

class Sequence {
 public:
  explicit Sequence(const Model& model);

  // Positions that the main layers, and the MTP layers, hold. A later pass continues there; setting
  // a smaller length forgets what follows.
  size_t length = 0;
  size_t mtp_length = 0;

  LayerCache& layer(size_t index) { return layers_[index]; }  // main layers, then MTP layers

 private:
  std::vector<LayerCache> layers_;
};

}  // namespace glimmer::model
