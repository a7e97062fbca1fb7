// What people see: tables, colours when standard output is a terminal and NO_COLOR is not set, and
// progress (one moving line on a terminal, a plain line now and then elsewhere, on standard error).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace glimmer::apps {

enum class Align { kLeft, kRight };

// Columns as wide as their widest cell, two spaces between them.
class Table {
 public:
  // One entry for each column.
  Table(std::vector<std::string> headings, std::vector<Align> alignment);
  void AddRow(std::vector<std::string> cells);
  void AddRule();  // a thin line
  std::string Text() const;

 private:
  std::vector<Align> alignment_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

// Text in bold, dimmed, or in a colour when standard output is a coloured terminal.
std::string Bold(const std::string& text);
std::string Dim(const std::string& text);
// What begins and ends dimmed text on a coloured terminal; empty elsewhere.
const char* DimBegin();
const char* DimEnd();
std::string Green(const std::string& text);
std::string Red(const std::string& text);

// Writes to standard output.
void Print(const std::string& text);

// Shows how far `done` has come towards `total` until it is destroyed. Rate and time left leave out
// `kept`, the part of `done` that an earlier attempt did.
class ProgressLine {
 public:
  enum class Unit { kBytes, kTokens, kProblems, kShare };
  ProgressLine(std::string what, const std::atomic<uint64_t>& done, uint64_t total,
               Unit unit = Unit::kBytes, const std::atomic<uint64_t>* kept = nullptr);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void Run(const std::stop_token& stop) const;
  std::string Line(double seconds) const;

  std::string what_;
  const std::atomic<uint64_t>& done_;
  uint64_t total_;
  Unit unit_;
  const std::atomic<uint64_t>* kept_;
  std::jthread thread_;
};

}  // namespace glimmer::apps
