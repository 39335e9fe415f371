// holdfast grid, holdfast run: storage servers and gateways in this process.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/gateway_node.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::cli {
namespace {

constexpr int kFirstListenFd = 3;  // sd_listen_fds(3)

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

int activated_fd() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const bool ours =
      pid != nullptr && count != nullptr && std::to_string(::getpid()) == pid && std::string(count) == "1";
  return ours ? kFirstListenFd : -1;
}

bool has_storage(World& world, const std::string& directory) {
  return config::NodeDirectory(world.files, directory).read_private("storage.nurl").has_value();
}

/// A connection takes one, an upload in progress two; what a shell or systemd gives by default is for older habits.
void take_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace

io::Task<int> run_grid(World& world, GridWishes wishes) {
  take_all_descriptors();
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
  const std::string client = wishes.directory + "/client";
  if (!config::NodeDirectory(world.files, client).exists()) {
    if (const auto made = create_client_node(world, client, nurls); !made) {
      std::fprintf(stderr, "%s\n", describe(made.error()).c_str());
      co_return kFailed;
    }
  }
  const auto gateway = start_grid_gateway(world, wishes.directory, wishes.gateway_port, nurls);
  if (!gateway) {
    std::fprintf(stderr, "%s\n", describe(gateway.error()).c_str());
    co_return kFailed;
  }
  std::printf("ready\n");
  if (*gateway) std::printf("gateway: %s\n", (*gateway)->url().c_str());
  std::printf("%u storage servers on %s; try next:\n  holdfast -d %s put FILE\n", wishes.servers, wishes.host.c_str(),
              client.c_str());
  std::fflush(stdout);
  notify_systemd("READY=1");
  io::TaskGroup group(co_await io::this_scope());
  for (const auto& role : roles) group.spawn(role->serve());
  if (*gateway) group.spawn((*gateway)->serve());
  co_await group.join();
  co_return kDone;
}

io::Task<int> run_node(World& world, std::string directory) {
  take_all_descriptors();
  const bool stores = has_storage(world, directory);
  const auto gateway = start_gateway(world, directory, stores ? -1 : activated_fd());
  std::unique_ptr<storage::StorageRole> storage;
  Result<void> started;
  if (!gateway) {
    started = tl::make_unexpected(gateway.error());
  } else if (stores || !*gateway) {
    auto role = co_await start_storage(world, directory, activated_fd());
    if (role) {
      storage = std::move(*role);
    } else {
      started = tl::make_unexpected(role.error());
    }
  }
  if (!started) {
    std::fprintf(stderr, "%s\n", describe(started.error()).c_str());
    co_return kFailed;
  }
  std::printf("ready\n");
  if (storage) std::printf("serving on port %u\n", unsigned{storage->port()});
  if (storage && storage->admin_port() != 0)
    std::printf("metrics: http://127.0.0.1:%u/metrics\n", unsigned{storage->admin_port()});
  if (*gateway) std::printf("gateway: %s\n", (*gateway)->url().c_str());
  std::fflush(stdout);
  notify_systemd("READY=1");
  io::TaskGroup group(co_await io::this_scope());
  if (storage) group.spawn(storage->serve());
  if (*gateway) group.spawn((*gateway)->serve());
  co_await group.join();
  notify_systemd("STOPPING=1");
  co_return kDone;
}

}  // namespace holdfast::cli
