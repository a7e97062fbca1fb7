#include "model/loaded_checkpoint.h"

#include "base/file.h"
#include "base/text.h"

namespace glimmer::model {

using base::Quoted;
using base::Result;

Result<LoadedCheckpoint> LoadCheckpoint(const std::string& folder) {
  LoadedCheckpoint loaded;
  if (base::FileExists(folder)) {
    return base::Invalid(Quoted(folder) + ": is a file, expected a checkpoint folder");
  }
  if (!base::FolderExists(folder)) return base::NotFound(Quoted(folder) + ": no such folder");
  const std::string path = base::JoinPath(folder, kConfigName);
  GLIMMER_ASSIGN(loaded.config_json, base::ReadJsonObject(path, kMaxConfigBytes));
  GLIMMER_ASSIGN(loaded.config, ParseConfig(loaded.config_json, Quoted(path)));
  GLIMMER_ASSIGN(loaded.format, AnnouncedFormat(loaded.config_json, Quoted(path)));
  GLIMMER_ASSIGN(loaded.weights, io::Checkpoint::Open(folder));
  loaded.specs = ListTensors(loaded.config);
  return loaded;
}

}  // namespace glimmer::model
