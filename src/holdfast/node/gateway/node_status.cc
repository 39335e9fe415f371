#include "holdfast/node/gateway/node_status.h"

#include "holdfast/edge/io/task_group.h"

namespace holdfast::gateway {
namespace {

constexpr io::Duration kPatience = std::chrono::seconds(3), kFresh = std::chrono::seconds(5);

}  // namespace

io::Task<void> NodeStatus::ask_server(grid::StorageServer* server) {
  const Result<grid::VersionAnswer> answer = co_await io::with_timeout(kPatience, server->version());
  Peer& peer = servers_[server->id()];
  peer.connected = answer.has_value();
  peer.problem = answer ? "" : answer.error().what;
  if (!answer) co_return;
  peer.version = answer->version.application_version;
  peer.space = answer->version.available_space;
  peer.heard_wall = context_.loop.wall_seconds();
}

io::Task<void> NodeStatus::ask_helper(grid::UploadHelper* helper) {
  const Result<protocol::HelperVersion> answer = co_await io::with_timeout(kPatience, helper->version());
  Peer& peer = helpers_[helper->name()];
  peer.connected = answer.has_value();
  peer.problem = answer ? "" : answer.error().what;
  if (!answer) co_return;
  peer.version = answer->application;
  peer.space = answer->space;
  peer.heard_wall = context_.loop.wall_seconds();
}

io::Task<void> NodeStatus::refresh() {
  const bool mine = co_await asking_.acquire();
  if (!mine) co_return;
  if (!asked_ || context_.loop.now() - *asked_ > kFresh) {
    io::TaskGroup asking(co_await io::this_scope());
    for (grid::StorageServer* server : context_.servers) asking.spawn(ask_server(server));
    for (grid::UploadHelper* helper : context_.helpers) asking.spawn(ask_helper(helper));
    co_await asking.join();
    asked_ = context_.loop.now();
  }
  asking_.release();
}

}  // namespace holdfast::gateway
