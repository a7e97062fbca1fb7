// For tests: a temporary folder in the place of /, with the system's files that a test writes.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/test_folder.h"

namespace glimmer::base {

class FakeRoot {
 public:
  // `name` begins with "/". A line break is added.
  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path() + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  const std::string& path() const { return folder_.path(); }

 private:
  TestFolder folder_;
};

}  // namespace glimmer::base
