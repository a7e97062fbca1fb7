// What a report tells of a command: its options, the texts it read, the time it took.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "apps/calibration_input.h"
#include "data/calibration_set.h"
#include "report/facts.h"

namespace glimmer::apps {

// Options that the statistics follow from, those of defaults included.
void AddCalibrationArguments(const CalibrationOptions& options,
                             std::vector<report::Facts::Argument>& arguments);

std::vector<report::CalibrationFile> ReportedFiles(const data::CalibrationSet& set);

// Begins with the command.
class RunClock {
 public:
  RunClock();
  // REQUIRES: called at the end; the other members stay as they are.
  void Stop(report::RunFacts& run) const;

 private:
  std::chrono::steady_clock::time_point start_;
  std::string started_;
};

}  // namespace glimmer::apps
