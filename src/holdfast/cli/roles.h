// What a node directory is to run: its roles, started and ready to serve.
#pragma once

#include <memory>
#include <vector>

#include "holdfast/cli/world.h"

namespace holdfast::cli {

class Role {
 public:
  virtual ~Role() = default;
  /// Until the scope is cancelled.
  virtual io::Task<void> serve() = 0;
  /// One line for people: what serves where.
  virtual std::string describe() const = 0;
};

/// Every role for which the directory is made. The socket of systemd's activation goes to the first: storage, helper, gateway.
/// Errors: not_found (none), and what keeps a role from starting.
io::Task<Result<std::vector<std::unique_ptr<Role>>>> start_roles(World& world, std::string path, int listen_fd);

}  // namespace holdfast::cli
