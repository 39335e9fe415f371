// The commands, one file each. Every one answers an exit code; everything but its result goes to stderr.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/cli/world.h"
#include "holdfast/node/transfer/daily_window.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::cli {

/// How a transfer is to use the line, and what is shown meanwhile.
struct LineWishes {
  std::string progress = "auto";
  std::optional<std::uint64_t> limit_rate, timeout_seconds;
  std::optional<transfer::DailyWindow> window;
};

struct PutWishes {
  std::vector<std::string> files;
  std::optional<unsigned> k, happy, n;
  bool random_key = false, plan = false;
  std::string helper = "auto", prove = "full";
  std::uint64_t segment_bytes = 1'048'576;
  LineWishes line;
};
io::Task<int> run_put(World& world, GlobalOptions options, PutWishes wishes);
/// Goes on with an upload as it began, but for the proof where one is named.
io::Task<int> resume_put(World& world, ClientNode& node, const GlobalOptions& options, std::string path,
                         const transfer::UploadOptions& begun, std::optional<std::string> prove, LineWishes line);

struct GetWishes {
  std::string cap, output = "-", range;
  LineWishes line;
};
io::Task<int> run_get(World& world, GlobalOptions options, GetWishes wishes);

struct CheckWishes {
  std::string cap;
  bool verify = false, repair = false, add_lease = false;
  std::optional<std::uint64_t> timeout_seconds;
  std::string progress = "auto";
};
io::Task<int> run_check(World& world, GlobalOptions options, CheckWishes wishes);

struct TransfersWishes {
  std::string action = "list";
  std::vector<std::string> ids;
  std::optional<std::string> prove;  // else as the upload began
  LineWishes line;
};
io::Task<int> run_transfers(World& world, GlobalOptions options, TransfersWishes wishes);

/// `holdfast helper uploads`.
struct UploadsWishes {
  std::string action = "list";
  std::vector<std::string> ids;
};
io::Task<int> run_helper_uploads(World& world, GlobalOptions options, UploadsWishes wishes);

/// Text, or one JSON object.
Result<std::string> describe_cap(const std::string& text, bool json);
/// Of a container of a storage server, or a bare share.
struct ShareDump {
  std::string text;
  bool sound = false;  // nothing was found wrong
};
/// Errors: those of the file.
Result<ShareDump> describe_share(io::FileSystem& files, const std::string& path, bool json);

struct GridWishes {
  std::string directory, host = "127.0.0.1";
  unsigned servers = 10;
  std::optional<std::uint16_t> gateway_port;  // nothing: no gateway, unless there is one; 0: any free port
};
io::Task<int> run_grid(World& world, GridWishes wishes);
io::Task<int> run_node(World& world, std::string directory);
io::Task<int> run_status(World& world, GlobalOptions options);

}  // namespace holdfast::cli
