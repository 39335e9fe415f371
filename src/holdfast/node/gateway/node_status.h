// What the grid looks like from here: asked of every server and helper when somebody wants to know, and remembered for a moment.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::gateway {

class NodeStatus {
 public:
  explicit NodeStatus(const transfer::Context& context) : context_(context), asking_(context.loop, 1) {}

  struct Peer {
    bool connected = false;
    std::string problem;  // why not
    std::string version;
    std::uint64_t space = 0;
    std::int64_t heard_wall = 0;  // seconds since 1970; 0: never
  };
  /// Asks all of them side by side, at most three seconds; not again within five.
  io::Task<void> refresh();
  const std::map<std::string, Peer>& servers() const { return servers_; }  // by id
  const std::map<std::string, Peer>& helpers() const { return helpers_; }  // by name

 private:
  io::Task<void> ask_server(grid::StorageServer* server);
  io::Task<void> ask_helper(grid::UploadHelper* helper);

  const transfer::Context& context_;
  io::Semaphore asking_;
  std::map<std::string, Peer> servers_, helpers_;
  std::optional<io::Time> asked_;
};

}  // namespace holdfast::gateway
