#include "holdfast/cli/roles.h"

#include "holdfast/cli/gateway_node.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/helper_node.h"

namespace holdfast::cli {
namespace {

class Storage final : public Role {
 public:
  explicit Storage(std::unique_ptr<storage::StorageRole> role) : role_(std::move(role)) {}
  io::Task<void> serve() override { return role_->serve(); }
  std::string describe() const override {
    std::string out = "serving on port " + std::to_string(role_->port());
    if (role_->admin_port() != 0)
      out += "\nmetrics: http://127.0.0.1:" + std::to_string(role_->admin_port()) + "/metrics";
    return out;
  }

 private:
  const std::unique_ptr<storage::StorageRole> role_;
};

class Helper final : public Role {
 public:
  Helper(std::unique_ptr<ClientNode> node, std::unique_ptr<helper::HelperRole> role)
      : node_(std::move(node)), role_(std::move(role)) {}
  io::Task<void> serve() override { return role_->serve(); }
  std::string describe() const override { return "upload helper on port " + std::to_string(role_->port()); }

 private:
  const std::unique_ptr<ClientNode> node_;
  const std::unique_ptr<helper::HelperRole> role_;
};

class Gateway final : public Role {
 public:
  explicit Gateway(std::unique_ptr<GatewayNode> node) : node_(std::move(node)) {}
  io::Task<void> serve() override { return node_->serve(); }
  std::string describe() const override { return "gateway: " + node_->url(); }

 private:
  const std::unique_ptr<GatewayNode> node_;
};

/// Of systemd's socket only one role can be meant.
class ActivatedSocket {
 public:
  explicit ActivatedSocket(int fd) : fd_(fd) {}
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace

io::Task<Result<std::vector<std::unique_ptr<Role>>>> start_roles(World& world, std::string path, int listen_fd) {
  std::vector<std::unique_ptr<Role>> out;
  HF_CO_TRY(const bool stores, has_storage(world, path));
  ActivatedSocket activated(listen_fd);
  if (stores) {
    HF_CO_TRY(auto role, co_await start_storage(world, path, activated.take()));
    out.push_back(std::make_unique<Storage>(std::move(role)));
  }
  HF_CO_TRY(const bool helps, has_helper(world, path));
  if (helps) {
    HF_CO_TRY(std::unique_ptr<ClientNode> node, ClientNode::open(world, path, {}));
    HF_CO_TRY(auto role, co_await start_helper(world, *node, activated.take()));
    out.push_back(std::make_unique<Helper>(std::move(node), std::move(role)));
  }
  const int gateway_fd = out.empty() ? activated.take() : -1;
  HF_CO_TRY(std::unique_ptr<GatewayNode> gateway, co_await start_gateway(world, path, gateway_fd));
  if (gateway != nullptr) out.push_back(std::make_unique<Gateway>(std::move(gateway)));
  if (out.empty()) {
    co_return fail(Errc::not_found, "there is nothing to run in " + path + "; make a node with `holdfast create-node " +
                                        path + " --storage`, `--helper` or `--gateway`");
  }
  co_return out;
}

}  // namespace holdfast::cli
