// holdfast grid, holdfast run: the roles of nodes in this process.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "holdfast/cli/activated_socket.h"
#include "holdfast/cli/commands.h"
#include "holdfast/cli/gateway_node.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/helper_node.h"
#include "holdfast/cli/roles.h"
#include "holdfast/edge/io/descriptors.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::cli {
namespace {

/// sd_notify(3) without its library.
void notify_systemd(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name(path);
  if (name.size() >= sizeof address.sun_path) return;
  name.copy(address.sun_path, name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  static_cast<void>(
      ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), length));
  ::close(fd);
}

/// The grid's helper, in DIR/helper; answers its NURL.
io::Task<Result<std::string>> start_grid_helper(World& world, const GridWishes& wishes,
                                                const std::vector<std::string>& nurls, std::unique_ptr<Role>& out) {
  HelperNodeWishes node;
  node.host = wishes.host;
  node.servers = nurls;
  const std::string path = wishes.directory + "/helper";
  HF_CO_TRY(std::string nurl, create_helper_node(world, path, node));
  HF_CO_TRY(auto roles, co_await start_roles(world, path, -1));
  out = std::move(roles.front());
  co_return nurl;
}

}  // namespace

io::Task<int> run_grid(World& world, GridWishes wishes) {
  io::take_all_descriptors();
  std::vector<std::string> nurls;
  std::vector<std::unique_ptr<storage::StorageRole>> roles;
  for (unsigned i = 0; i < wishes.servers; ++i) {
    StorageNodeWishes node;
    node.nickname = "storage-" + std::to_string(i);
    node.host = wishes.host;
    const std::string path = wishes.directory + "/" + node.nickname;
    Result<std::string> nurl = create_storage_node(world, path, node);
    if (nurl) {
      auto role = co_await start_storage(world, path, -1);
      if (role) {
        roles.push_back(std::move(*role));
      } else {
        nurl = tl::make_unexpected(role.error());
      }
    }
    if (!nurl) {
      std::fprintf(stderr, "%s\n", describe(nurl.error()).c_str());
      co_return kFailed;
    }
    nurls.push_back(std::move(*nurl));
  }
  std::unique_ptr<Role> helper;
  const Result<std::string> helper_nurl = co_await start_grid_helper(world, wishes, nurls, helper);
  if (!helper_nurl) {
    std::fprintf(stderr, "%s\n", describe(helper_nurl.error()).c_str());
    co_return kFailed;
  }
  const std::string client = wishes.directory + "/client";
  const auto former = config::NodeDirectory(world.files, client).tahoe_cfg();
  if (!former && former.error().code == Errc::not_found) {
    const Result<void> made = create_client_node(world, client, {nurls, {*helper_nurl}});
    if (!made) {
      std::fprintf(stderr, "%s\n", describe(made.error()).c_str());
      co_return kFailed;
    }
  }
  const auto gateway = co_await start_grid_gateway(world, wishes.directory, wishes.gateway_port, nurls);
  if (!gateway) {
    std::fprintf(stderr, "%s\n", describe(gateway.error()).c_str());
    co_return kFailed;
  }
  std::printf("ready\n");
  if (*gateway) std::printf("gateway: %s\n", (*gateway)->url().c_str());
  std::printf("%u storage servers and an upload helper on %s; try next:\n  holdfast -d %s put FILE\n", wishes.servers,
              wishes.host.c_str(), client.c_str());
  std::fflush(stdout);
  notify_systemd("READY=1");
  io::TaskGroup group(co_await io::this_scope());
  for (const auto& role : roles) group.spawn(role->serve());
  group.spawn(helper->serve());
  if (*gateway) group.spawn((*gateway)->serve());
  co_await group.join();
  co_return kDone;
}

io::Task<int> run_node(World& world, std::string directory) {
  io::take_all_descriptors();
  const auto roles = co_await start_roles(world, directory, activated_socket());
  if (!roles) {
    std::fprintf(stderr, "%s\n", describe(roles.error()).c_str());
    co_return kFailed;
  }
  std::printf("ready\n");
  for (const auto& role : *roles) std::printf("%s\n", role->describe().c_str());
  std::fflush(stdout);
  notify_systemd("READY=1");
  {
    io::TaskGroup group(co_await io::this_scope());
    for (const auto& role : *roles) group.spawn(role->serve());
    co_await group.join();
  }
  notify_systemd("STOPPING=1");
  co_return kDone;
}

}  // namespace holdfast::cli
