#include "holdfast/cli/world.h"

#include <unistd.h>

#include <cstdio>

namespace holdfast::cli {

int exit_code_of(Errc code) {
  switch (code) {
    case Errc::cancelled:
      return kInterrupted;
    case Errc::unhappy:
    case Errc::not_enough_shares:
    case Errc::unavailable:
    case Errc::timeout:
      return kUnavailable;
    default:
      return kFailed;
  }
}

namespace {

std::string_view advice(Errc code) {
  switch (code) {
    case Errc::cancelled:
      return "Run the same command again to go on.";
    case Errc::unhappy:
      return "Wait for more servers or lower --happy; what has arrived is kept, the same command goes on.";
    case Errc::not_enough_shares:
      return "Try again when more servers are up; `holdfast check CAP` shows who holds what.";
    case Errc::unavailable:
    case Errc::timeout:
      return "Check the network (`holdfast status`), then run the same command again: what put and get have moved is "
             "kept.";
    case Errc::unauthorized:
      return "A server is not the one that its NURL names, or does not take the password in it. Ask its operator for "
             "the NURL.";
    case Errc::not_permitted:
      return "It is this machine that does not permit it.";
    case Errc::no_space:
      return "Make room, then run the same command again: it goes on.";
    default:
      return "";
  }
}

}  // namespace

std::string describe(const Error& error) {
  const std::string_view next = advice(error.code);
  return "holdfast: " + error.what + (next.empty() ? "" : "\n          " + std::string(next));
}

Result<std::unique_ptr<ClientNode>> ClientNode::open(World& world, const std::string& directory, Options options) {
  std::unique_ptr<ClientNode> node(new ClientNode(world, directory));
  if (!node->directory_.exists()) {
    return fail(Errc::not_found, "there is no node in " + directory + "; make one with `holdfast create-client " +
                                     directory + " --server NURL`, or name another with -d");
  }
  HF_TRY(node->config_, node->directory_.tahoe_cfg());
  HF_TRY(Secret lease, node->directory_.lease_secret());
  HF_TRY(Secret convergence, node->directory_.convergence());
  std::vector<std::string> problems;
  HF_TRY(std::vector<protocol::Announcement> announcements, node->directory_.servers(problems));
  for (const std::string& problem : problems) std::fprintf(stderr, "warning: %s\n", problem.c_str());
  HF_TRY(http::TlsClientContext tls, http::TlsClientContext::create());
  node->tls_.emplace(std::move(tls));
  grid::HttpServerOptions server_options;
  if (options.limit_bytes_per_second) {
    node->send_limit_ = http::make_rate_limiter(world.loop, *options.limit_bytes_per_second);
    node->receive_limit_ = http::make_rate_limiter(world.loop, *options.limit_bytes_per_second);
    server_options.send_limit = node->send_limit_.get();
    server_options.receive_limit = node->receive_limit_.get();
  }
  std::vector<grid::StorageServer*> servers;
  for (protocol::Announcement& each : announcements) {
    node->servers_.push_back(grid::make_http_server(world.loop, *node->tls_, std::move(each), server_options));
    servers.push_back(node->servers_.back().get());
  }
  std::vector<grid::UploadHelper*> helpers;
  HF_TRY(const std::vector<protocol::Nurl> nurls, node->choose_helpers(options.helper));
  for (const protocol::Nurl& nurl : nurls) {
    node->helpers_.push_back(grid::make_http_helper(world.loop, *node->tls_, nurl, server_options));
    helpers.push_back(node->helpers_.back().get());
  }
  node->context_.emplace(transfer::Context{world.loop, *world.cpu, *world.disk, world.files, world.random, *world.log,
                                           std::move(servers), node->config_.peers_preferred, std::move(lease),
                                           std::move(convergence), node->directory_.transfers(), std::move(helpers)});
  return node;
}

Result<std::vector<protocol::Nurl>> ClientNode::choose_helpers(const std::string& wish) const {
  std::vector<protocol::Nurl> out;
  if (wish == "none") return out;
  if (wish != "auto") {
    const Result<protocol::Nurl> nurl = protocol::parse_nurl(wish);
    if (!nurl) return fail_in("--helper", nurl.error());
    out.push_back(*nurl);
    return out;
  }
  std::vector<std::string> problems;
  HF_TRY(out, directory_.helpers(problems));
  for (const std::string& problem : problems) std::fprintf(stderr, "warning: %s\n", problem.c_str());
  return out;
}

int run_task(World& world, io::Task<int> task) {
  io::CancelScope scope(world.loop);
  int stops = 0;
  const auto signals = world.loop.on_signals([&](int) {
    if (++stops > 1) ::_exit(kInterrupted);
    scope.cancel();
  });
  int code = kFailed;
  auto main = [](io::Task<int> inner, int* out) -> io::Task<void> { *out = co_await std::move(inner); };
  world.loop.run(main(std::move(task), &code), scope);
  return code;
}

}  // namespace holdfast::cli
