// A matrix of activations on the disk, in F32 or BF16, read and written by rows. The system keeps
// in memory what fits; nothing of it counts as memory of the program.
#pragma once

#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "tensor/matrix.h"

namespace glimmer::calib {

enum class RowElement : uint8_t { kF32, kBf16 };

// [rows, cols]. Different rows may be read and written on several threads at once.
class RowFile {
 public:
  // A new file with its space reserved; what it holds is unspecified.
  // Errors: kExhausted when the disk is full, kIo.
  static base::Result<RowFile> Create(const std::string& path, size_t rows, size_t cols,
                                      RowElement element);
  // One that an earlier run left. Errors: kNotFound, kIo; kCorrupt when its size differs.
  static base::Result<RowFile> Open(const std::string& path, size_t rows, size_t cols,
                                    RowElement element);

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  static uint64_t SizeBytes(size_t rows, size_t cols, RowElement element);

  // Rows [first, first + out.rows). REQUIRES: stride == cols. Errors: kIo, kCorrupt.
  base::Status Read(size_t first, tensor::Matrix out) const;
  // Rounds to nearest even where the file holds BF16. Errors: kExhausted, kIo.
  base::Status Write(size_t first, tensor::ConstMatrix rows) const;
  // Asks for a row that Read() wants later, if it is not in memory.
  void WillRead(size_t row) const;
  // Everything written is on the disk.
  base::Status Sync() const { return file_.Sync(); }

 private:
  RowFile(base::File file, size_t rows, size_t cols, RowElement element)
      : file_(std::move(file)), rows_(rows), cols_(cols), element_(element) {}

  base::File file_;
  size_t rows_;
  size_t cols_;
  RowElement element_;
};

}  // namespace glimmer::calib
