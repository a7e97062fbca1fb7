// The rules that judge a checkpoint by itself, whatever serves it.
#pragma once

#include "check/finding.h"

namespace glimmer::check::integrity {

inline constexpr Rule kFiles = {"files", Severity::kDefect, true,
                                "index, shards and headers do not agree",
                                "copy the file again, or write the checkpoint again"};
inline constexpr Rule kStale = {
    "stale", Severity::kDefect, true,
    "a weight file that the index does not name plays no part, and engines without an index read "
    "it",
    "remove it, or name its tensors in the index"};
inline constexpr Rule kUnfinished = {"unfinished", Severity::kDefect, true,
                                     "the conversion that wrote the folder did not end",
                                     "finish it with --resume"};
inline constexpr Rule kMissing = {
    "missing", Severity::kDefect, true,
    "engines do not say that a tensor of a quantized model is missing",
    "write the checkpoint again"};
inline constexpr Rule kMtp = {"mtp", Severity::kDefect, true,
                              "the MTP layer that config.json announces is not complete",
                              "copy its tensors from the source and name them in the index"};
inline constexpr Rule kDType = {"dtype", Severity::kDefect, true,
                                "engines convert other element types without a word", ""};
inline constexpr Rule kShape = {"shape", Severity::kDefect, true,
                                "the tensor does not fit the config", ""};
inline constexpr Rule kUnknown = {"unknown", Severity::kDefect, true,
                                  "a tensor that no module of the model takes", ""};
inline constexpr Rule kPacked = {"packed", Severity::kDefect, true,
                                 "a tensor that is never quantized has scales", ""};
inline constexpr Rule kScale = {
    "scale", Severity::kDefect, true,
    "a scale that is zero, negative, infinite or NaN makes every output of its linear worthless",
    "quantize or calibrate again"};
inline constexpr Rule kTinyScale = {
    "tiny-scale", Severity::kWarning, true,
    "an input_scale of almost nothing is a placeholder for a linear that read only zeros while "
    "calibrating: whatever else it reads becomes almost zero",
    "calibrate with other texts"};
inline constexpr Rule kGroup = {
    "group", Severity::kDefect, true,
    "linears that read the same input are joined by engines, which keep one scale of them",
    "quantize again with shared scales"};
inline constexpr Rule kAnnouncement = {"announcement", Severity::kDefect, true,
                                       "the configuration contradicts the tensors", ""};
inline constexpr Rule kDropped = {"dropped", Severity::kWarning, true,
                                  "engines drop input scales of a weights-only checkpoint",
                                  "label the checkpoint NVFP4 if they are calibrated"};
inline constexpr Rule kConfigs = {
    "configs", Severity::kDefect, true,
    "config.json and hf_quant_config.json differ, and engines differ in which one they read",
    "write both with the same content"};
inline constexpr Rule kOneConfig = {
    "one-config", Severity::kWarning, true,
    "hf_quant_config.json announces the quantization and config.json does not: glimmer run reads "
    "config.json only",
    "add quantization_config to config.json"};
inline constexpr Rule kList = {"list", Severity::kDefect, true,
                               "the list of unquantized modules contradicts the tensors",
                               "derive the list from the tensors"};
inline constexpr Rule kTokenizer = {"tokenizer", Severity::kDefect, true,
                                    "tokenizer.json cannot be read", ""};
inline constexpr Rule kVocabulary = {"vocabulary", Severity::kDefect, true,
                                     "token ids beyond the embedding", ""};
inline constexpr Rule kNotFinite = {"not-finite", Severity::kDefect, true,
                                    "a NaN or an infinity spreads into every output", ""};
inline constexpr Rule kBlockScale = {
    "block-scale", Severity::kDefect, true,
    "a block scale is NaN or negative, or all of a tensor are zero", ""};
inline constexpr Rule kSha256 = {"sha256", Severity::kDefect, true,
                                 "the files are not those that the list was made of", ""};
inline constexpr Rule kBase = {"base", Severity::kDefect, true,
                               "quantizing the base again gives something else", ""};
inline constexpr Rule kDequantized = {"dequantized", Severity::kNote, true, "", ""};
inline constexpr Rule kNoTokenizer = {"no-tokenizer", Severity::kNote, true, "", ""};
inline constexpr Rule kNoGenerationConfig = {"no-generation-config", Severity::kNote, true, "", ""};
inline constexpr Rule kNoMtp = {"no-mtp", Severity::kNote, true, "", ""};
inline constexpr Rule kNoHf = {"no-hf-quant-config", Severity::kNote, true, "", ""};
inline constexpr Rule kCacheScales = {"cache-scales", Severity::kNote, true, "", ""};
inline constexpr Rule kNoWeights = {"no-weights", Severity::kNote, true, "", ""};
inline constexpr Rule kArchitecture = {"architecture", Severity::kNote, true, "", ""};

}  // namespace glimmer::check::integrity
