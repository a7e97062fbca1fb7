#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/command.h"
#include "apps/terminal.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "io/checkpoint.h"

namespace glimmer::apps {
namespace {

using base::HumanBytes;
using base::Status;
using base::WithCommas;

struct Options {
  std::string path;
  std::string filter = "*";
  bool tensors = false;
  bool json = false;
};

// A tensor and the file that holds it.
struct Listed {
  std::string file;
  const io::TensorInfo* info;
};

// One file or all files of a checkpoint, with their tensors.
struct Listing {
  std::vector<io::Shard> alone;  // for a single file
  io::Checkpoint checkpoint;
  bool is_folder = false;

  const std::vector<io::Shard>& shards() const { return is_folder ? checkpoint.shards() : alone; }
};

base::Result<Listing> OpenListing(const std::string& path) {
  Listing listing;
  listing.is_folder = base::FolderExists(path);
  if (listing.is_folder) {
    GLIMMER_ASSIGN(listing.checkpoint, io::Checkpoint::Open(path));
    return listing;
  }
  GLIMMER_ASSIGN(base::File file, base::File::OpenForReading(path));
  GLIMMER_ASSIGN(const uint64_t file_bytes, file.SizeBytes());
  GLIMMER_ASSIGN(io::SafetensorsHeader header, io::ReadSafetensorsHeader(file));
  listing.alone.push_back(
      {base::BaseName(path), std::move(file), file_bytes, std::move(header.tensors)});
  return listing;
}

// "model.layers.12.mlp.experts.3.up_proj" -> "model.layers.*.mlp.experts.*.up_proj".
std::string WithoutNumbers(const std::string& name) {
  std::string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    pattern += (begin > 0 ? "." : "") + (number ? "*" : part);
    begin = end + 1;
  }
  return pattern;
}

std::string FilesTable(const Listing& listing) {
  Table table({"file", "tensors", "size"}, {Align::kLeft, Align::kRight, Align::kRight});
  uint64_t tensors = 0, bytes = 0;
  for (const io::Shard& shard : listing.shards()) {
    table.AddRow({shard.name, WithCommas(shard.tensors.size()), HumanBytes(shard.file_bytes)});
    tensors += shard.tensors.size();
    bytes += shard.file_bytes;
  }
  if (listing.shards().size() > 1) {
    table.AddRule();
    table.AddRow(
        {fmt::format("{} files", listing.shards().size()), WithCommas(tensors), HumanBytes(bytes)});
  }
  return table.Text();
}

std::string TensorsTable(const std::vector<Listed>& tensors) {
  Table table({"tensor", "type", "shape", "size", "file"},
              {Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  for (const Listed& tensor : tensors) {
    table.AddRow({tensor.info->name, std::string(tensor::Name(tensor.info->dtype)),
                  tensor::ToString(tensor.info->shape), HumanBytes(tensor.info->size_bytes),
                  tensor.file});
  }
  return table.Text();
}

// Tensors that differ in layer and expert numbers only, as one line.
std::string PatternsTable(const std::vector<Listed>& tensors) {
  struct Group {
    uint64_t count = 0, bytes = 0;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Group> groups;
  for (const Listed& tensor : tensors) {
    Group& group =
        groups[{WithoutNumbers(tensor.info->name), std::string(tensor::Name(tensor.info->dtype)),
                tensor::ToString(tensor.info->shape)}];
    ++group.count;
    group.bytes += tensor.info->size_bytes;
  }
  Table table({"tensors", "count", "type", "shape", "size"},
              {Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kRight});
  for (const auto& [key, group] : groups) {
    table.AddRow({std::get<0>(key), WithCommas(group.count), std::get<1>(key), std::get<2>(key),
                  HumanBytes(group.bytes)});
  }
  return table.Text();
}

base::JsonObject Json(const Listing& listing, const std::vector<Listed>& tensors) {
  base::JsonArray files, list;
  for (const io::Shard& shard : listing.shards()) {
    files.push_back(
        {{"name", shard.name}, {"bytes", shard.file_bytes}, {"tensors", shard.tensors.size()}});
  }
  for (const Listed& tensor : tensors) {
    list.push_back(
        {{"name", tensor.info->name},
         {"dtype", tensor::Name(tensor.info->dtype)},
         {"shape", base::JsonArray(tensor.info->shape.begin(), tensor.info->shape.end())},
         {"bytes", tensor.info->size_bytes},
         {"file", tensor.file}});
  }
  return {{"files", std::move(files)}, {"tensors", std::move(list)}};
}

Status RunInspect(const Options& options) {
  GLIMMER_ASSIGN(const Listing listing, OpenListing(options.path));
  std::vector<Listed> tensors;
  for (const io::Shard& shard : listing.shards()) {
    for (const io::TensorInfo& info : shard.tensors) {
      if (base::GlobMatches(options.filter, info.name)) tensors.push_back({shard.name, &info});
    }
  }
  if (tensors.empty() && options.filter != "*") {
    return base::NotFound(fmt::format("{}: no tensor matches {}", base::Quoted(options.path),
                                      base::Quoted(options.filter)));
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const Listed& a, const Listed& b) { return a.info->name < b.info->name; });
  if (options.json) {
    Print(base::DumpJson(Json(listing, tensors), 2) + "\n");
    return {};
  }
  Print(FilesTable(listing) + "\n");
  Print(options.tensors ? TensorsTable(tensors) : PatternsTable(tensors));
  for (const std::string& name : listing.checkpoint.stray_files()) {
    Print(fmt::format("note: {} is not in the index\n", name));
  }
  return {};
}

}  // namespace

void AddInspect(Command program) {
  auto options = std::make_shared<Options>();
  Command command =
      program.AddCommand("inspect", "List the tensors of a checkpoint or a safetensors file");
  command.AddOption("DIR_OR_FILE", &options->path, "Checkpoint folder or .safetensors file")
      .Required();
  command.AddOption("--filter", &options->filter, "Only tensors whose name matches this pattern")
      .ShowDefault();
  command.AddFlag("--tensors", &options->tensors,
                  "Every tensor on a line of its own, not one line for all layers and experts");
  command.AddFlag("--json", &options->json, "Print JSON, with every tensor");
  command.SetFooter("Example:\n  glimmer inspect models/reference --filter '*.self_attn.*'");
  command.SetBody([options] { return RunInspect(*options); });
}

}  // namespace glimmer::apps
