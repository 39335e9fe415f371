// The real world, made once in main and handed down.
#pragma once

#include <memory>
#include <string>

#include "holdfast/core/crypto/system_random.h"
#include "holdfast/edge/http/client.h"
#include "holdfast/edge/io/asio_loop.h"
#include "holdfast/edge/io/posix_file_system.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/worker_pool.h"
#include "holdfast/node/config/node_directory.h"
#include "holdfast/node/grid/helper_list.h"
#include "holdfast/node/grid/server_list.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::cli {

struct World {
  io::AsioLoop loop;
  io::PosixFileSystem files;
  crypto::SystemRandom random;
  std::unique_ptr<io::Log> log;
  std::unique_ptr<io::WorkerPool> cpu, disk;
};

/// What all commands share on the command line.
struct GlobalOptions {
  std::string node_directory;  // -d, HOLDFAST_NODE, ~/.holdfast
  bool json = false;
  bool verbose = false;
};

/// Exit codes, documented in --help.
enum Exit : int {
  kDone = 0,         // done and proven
  kFailed = 1,       // failed for good
  kUsage = 2,        // the command line cannot be understood
  kInterrupted = 3,  // stopped; the same command goes on
  kUnavailable = 4,  // too few servers or shares for now; the same command may succeed later
};
int exit_code_of(Errc code);

/// "what happened" and, on a second line, what to do next.
std::string describe(const Error& error);

/// The client side of a node: servers, secrets, options.
class ClientNode {
 public:
  struct Options {
    std::optional<std::uint64_t> limit_bytes_per_second{};
    std::string helper = "none";  // "auto": those of the directory; or a NURL
  };
  /// What is wrong in the lists of servers is told on stderr. Errors: not_found with advice when there is no node directory.
  static Result<std::unique_ptr<ClientNode>> open(World& world, const std::string& directory, Options options);

  const transfer::Context& context() const { return *context_; }
  const config::TahoeCfg& config() const { return config_; }
  const config::NodeDirectory& directory() const { return directory_; }

 private:
  Result<std::vector<protocol::Nurl>> choose_helpers(const std::string& wish) const;

  ClientNode(World& world, std::string path) : directory_(world.files, std::move(path)) {}
  config::NodeDirectory directory_;
  config::TahoeCfg config_;
  std::unique_ptr<http::RateLimiter> send_limit_, receive_limit_;
  std::optional<http::TlsClientContext> tls_;
  std::vector<std::unique_ptr<grid::StorageServer>> servers_;
  std::vector<std::unique_ptr<grid::UploadHelper>> helpers_;
  std::optional<transfer::Context> context_;
};

/// Runs a command's coroutine; the first SIGINT, SIGTERM or SIGHUP cancels it, a second one ends the program.
int run_task(World& world, io::Task<int> task);

}  // namespace holdfast::cli
