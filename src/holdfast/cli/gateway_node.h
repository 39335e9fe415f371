// The gateway role of a node: making it, and starting it.
#pragma once

#include "holdfast/cli/world.h"
#include "holdfast/node/gateway/gateway_role.h"

namespace holdfast::cli {

struct GatewayNodeWishes {
  std::uint16_t port = 0;          // 0: that of tahoe.cfg, else any free one; it is chosen now and kept
  std::vector<std::string> nurls;  // of storage servers; written down unless the node has a list
};

/// Gives a node directory, new or not, a gateway. One that is there stays as it is. Answers its URL. A new one listens on
/// 127.0.0.1; for another address there is holdfast.cfg.
Result<std::string> create_gateway_node(World& world, const std::string& path, const GatewayNodeWishes& wishes);

/// A gateway with the client that it is to the grid.
class GatewayNode {
 public:
  GatewayNode(std::unique_ptr<ClientNode> client, std::unique_ptr<gateway::GatewayRole> role, std::string url)
      : client_(std::move(client)), role_(std::move(role)), url_(std::move(url)) {}
  const std::string& url() const { return url_; }
  io::Task<void> serve() { return role_->serve(); }

 private:
  std::unique_ptr<ClientNode> client_;
  std::unique_ptr<gateway::GatewayRole> role_;
  std::string url_;
};

/// The gateway of this node, listening, with its uploads taken over, and not yet serving; its URL is in node.url then. Null: the
/// node has none. Errors: those of the node directory, of the spool and of listening; malformed for an address beyond this machine
/// without the consent to it.
io::Task<Result<std::unique_ptr<GatewayNode>>> start_gateway(World& world, std::string path, int listen_fd);

/// The one of a grid, in DIR/gateway: made when a port is asked for, started when it is there.
io::Task<Result<std::unique_ptr<GatewayNode>>> start_grid_gateway(World& world, std::string grid_directory,
                                                                  std::optional<std::uint16_t> port,
                                                                  std::vector<std::string> nurls);

}  // namespace holdfast::cli
