// The modules that an engine builds for a config, under its own names: which linears it joins, and
// which of them follow the list of unquantized modules at all.
#pragma once

#include <string>
#include <vector>

#include "check/matcher.h"
#include "check/opened.h"

namespace glimmer::check {

struct ModuleSpelling {
  const char* latent;              // of {q_a_proj, kv_a_proj_with_mqa}; joined
  bool mtp = true;                 // MTP layers follow the list too
  bool mtp_head = false;           // and own a head, `model.layers.N.head`
  bool indexer_wk = false;         // follows the list; otherwise always BF16
  bool shared_in_experts = false;  // shared experts are part of the block of routed experts
};

// In the inventory's order.
std::vector<EngineModule> ListModules(const Opened& opened, const ModuleSpelling& spelling);

}  // namespace glimmer::check
