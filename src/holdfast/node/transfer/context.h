// What every transfer works with: the world and the grid, handed in.
#pragma once

#include <string>
#include <vector>

#include "holdfast/core/base/random.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/edge/io/file_system.h"
#include "holdfast/edge/io/log.h"
#include "holdfast/edge/io/loop.h"
#include "holdfast/edge/io/worker_pool.h"
#include "holdfast/node/grid/storage_server.h"
#include "holdfast/node/grid/upload_helper.h"

namespace holdfast::transfer {

/// All of it outlives every transfer. One loop thread; `cpu` has a thread a core, `disk` a few.
struct Context {
  io::Loop& loop;
  io::WorkerPool& cpu;
  io::WorkerPool& disk;
  io::FileSystem& files;
  Random& random;
  io::Log& log;
  std::vector<grid::StorageServer*> servers;   // every known one
  std::vector<std::string> preferred_servers;  // ids of [client] peers.preferred
  Secret lease_secret;                         // 32 bytes of private/secret
  Secret convergence;                          // private/convergence, decoded; may be empty
  std::string journal_directory;               // of the node directory; created when missing, 0700
  std::vector<grid::UploadHelper*> helpers{};  // put goes through one of them, if any will do
};

/// How long to keep trying while the link is down.
struct Patience {
  io::Duration silence = std::chrono::seconds(15);    // a peer without a byte or an answer
  io::Duration straggler = std::chrono::seconds(15);  // after `happy`: how long a silent share is waited for
  unsigned slow_times = 100;                          // after `happy`: a slow one, so many times what others took
  std::optional<io::Duration> outage;                 // after `happy`: the same of the whole link; nothing: for ever
  io::Duration retry_first = std::chrono::milliseconds(200);
  io::Duration retry_max = std::chrono::seconds(30);
  std::optional<io::Duration> give_up_after;  // no progress at all for so long: fail; nothing: wait for ever
};

}  // namespace holdfast::transfer
