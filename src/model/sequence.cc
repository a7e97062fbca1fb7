#include "model/sequence.h"

namespace glimmer::model {
namespace {

using kernels::CacheFormat;

constexpr size_t kBlockRows = 64;

CacheFormat LatentFormat(KvCacheType type) {
  switch (type) {
    case KvCacheType::kF32:
      return CacheFormat::kF32;
    case KvCacheType::kBf16:
      return CacheFormat::kBf16;
    case KvCacheType::kFp8:
      break;
  }
  return CacheFormat::kE4m3;
}

CacheFormat KeyFormat(KvCacheType type) {
  return type == KvCacheType::kFp8 ? CacheFormat::kScaledE4m3 : LatentFormat(type);
}

}  // namespace

RowStore::RowStore(CacheFormat format, size_t cols)
    : format_(format), cols_(cols), row_bytes_(cols == 0 ? 0 : CacheRowBytes(format, cols)) {}

void RowStore::Grow(size_t count) {
  if (cols_ == 0) return;
  while (blocks_.size() * kBlockRows < count) {
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlockRows * row_bytes_));
  }
}

std::byte* RowStore::Row(size_t position) const {
  return blocks_[position / kBlockRows].get() + position % kBlockRows * row_bytes_;
}

void RowStore::Store(size_t position, std::span<const float> values) {
  kernels::StoreCacheRow(format_, values, Row(position));
}

void RowStore::Load(size_t position, std::span<float> values) const {
  kernels::LoadCacheRow(format_, Row(position), values);
}

kernels::CachedRows RowStore::Rows(size_t first, size_t count,
                                   std::vector<const std::byte*>& rows) const {
  rows.resize(count);
  for (size_t i = 0; i < count; ++i) rows[i] = Row(first + i);
  return {format_, cols_, rows};
}

kernels::CachedRows RowStore::Rows(std::span<const uint32_t> positions,
                                   std::vector<const std::byte*>& rows) const {
  rows.resize(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) rows[i] = Row(positions[i]);
  return {format_, cols_, rows};
}

void LayerCache::Grow(size_t count) {
  latents.Grow(count);
  keys.Grow(count);
}

Sequence::Sequence(const Model& model) {
  const Config& c = model.config;
  for (uint64_t i = 0; i < c.total_layers(); ++i) {
    const bool full = c.indexer_kind(i) == IndexerKind::kFull;
    layers_.push_back({RowStore(LatentFormat(model.kv_cache), c.kv_lora_rank + c.qk_rope_head_dim),
                       RowStore(KeyFormat(model.kv_cache), full ? c.index_head_dim : 0)});
  }
}

}  // namespace glimmer::model
