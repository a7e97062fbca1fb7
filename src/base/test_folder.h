// For tests: a new temporary folder that goes with its object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace glimmer::base {

class TestFolder {
 public:
  TestFolder() : path_((std::filesystem::temp_directory_path() / "glimmer_XXXXXX").string()) {
    GLIMMER_CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  // Of a file in it.
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace glimmer::base
