// The commands, one file each. Every one answers an exit code; everything but its result goes to stderr.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/cli/world.h"

namespace holdfast::cli {

struct PutWishes {
  std::vector<std::string> files;
  std::optional<unsigned> k, happy, n;
  bool random_key = false, plan = false;
  std::uint64_t segment_bytes = 1'048'576;
  std::string progress = "auto";
  std::optional<std::uint64_t> limit_rate, timeout_seconds;
};
io::Task<int> run_put(World& world, GlobalOptions options, PutWishes wishes);

struct GetWishes {
  std::string cap, output = "-", range;
  std::string progress = "auto";
  std::optional<std::uint64_t> limit_rate, timeout_seconds;
};
io::Task<int> run_get(World& world, GlobalOptions options, GetWishes wishes);

struct GridWishes {
  std::string directory, host = "127.0.0.1";
  unsigned servers = 10;
};
io::Task<int> run_grid(World& world, GridWishes wishes);
io::Task<int> run_node(World& world, std::string directory);
io::Task<int> run_status(World& world, GlobalOptions options);

}  // namespace holdfast::cli
