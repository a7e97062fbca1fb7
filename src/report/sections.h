// The sections of report.html, each an HTML text of its own; empty where there is nothing to tell.
#pragma once

#include <string>

#include "report/facts.h"
#include "report/figures.h"

namespace glimmer::report {

std::string SummarySection(const Facts& facts, const Figures& figures);
std::string SizeSection(const Facts& facts, const Figures& figures);
std::string WeightSection(const Figures& figures);
std::string ExpertSection(const Facts& facts, const Figures& figures);
std::string InputSection(const Facts& facts, const Figures& figures);
std::string CalibrationSection(const Facts& facts, const Figures& figures);
std::string FileSection(const Facts& facts, const std::string& card);
std::string RunSection(const Facts& facts, const Figures& figures);

// A heading with an introduction (HTML) before the body.
std::string Section(const std::string& title, const std::string& introduction,
                    const std::string& body);
std::string Decibels(const PackError& error);       // "20.41 dB"
std::string PercentText(double share, int digits);  // 0.0954 -> "9.54 %"

}  // namespace glimmer::report
