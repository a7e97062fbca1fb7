// Reading the golden files.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "io/safetensors.h"

namespace glimmer::golden {

inline const std::string kGolden = std::string(GLIMMER_SOURCE_DIR) + "/tests/golden/";

// A safetensors file read whole.
class Tensors {
 public:
  explicit Tensors(const std::string& path) : file_(base::File::OpenForReading(path).value()) {
    for (io::TensorInfo& info : io::ReadSafetensorsHeader(file_).value().tensors) {
      by_name_.emplace(info.name, info);
    }
  }
  bool Has(const std::string& name) const { return by_name_.contains(name); }
  const std::map<std::string, io::TensorInfo>& infos() const { return by_name_; }

  template <typename T>
  std::vector<T> Read(const std::string& name) const {
    const io::TensorInfo& info = by_name_.at(name);
    std::vector<T> values(info.size_bytes / sizeof(T));
    EXPECT_TRUE(file_.ReadAt(std::as_writable_bytes(std::span(values)), info.offset).ok());
    return values;
  }

 private:
  base::File file_;
  std::map<std::string, io::TensorInfo> by_name_;
};

}  // namespace glimmer::golden
