// What the tests of this folder share: reading the copied test data.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/json.h"

namespace glimmer::chat {

inline std::string TestPath(const std::string& name) {
  return std::string(GLIMMER_SOURCE_DIR) + "/tests/" + name;
}

inline std::string TestText(const std::string& name) {
  auto text = base::ReadTextFile(TestPath(name), uint64_t{64} << 20);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error().message);
  return text.ok() ? std::move(text).value() : "";
}

inline base::JsonValue TestJson(const std::string& name) {
  auto json = base::ParseJson(TestText(name), name);
  EXPECT_TRUE(json.ok()) << (json.ok() ? "" : json.error().message);
  return json.ok() ? std::move(json).value() : base::JsonValue();
}

inline std::string StringAt(const base::JsonValue& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

}  // namespace glimmer::chat
