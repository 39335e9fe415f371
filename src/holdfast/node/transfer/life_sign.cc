#include "holdfast/node/transfer/life_sign.h"

#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

io::Task<void> ask(grid::StorageServer* server, io::TaskGroup* others, bool* answers) {
  const Result<grid::VersionAnswer> answer = co_await server->version();
  // A stranger in its place is somebody, too.
  if (!answer && answer.error().code != Errc::unauthorized) co_return;
  *answers = true;
  others->cancel();
}

}  // namespace

io::Task<bool> somebody_answers(std::vector<grid::StorageServer*> servers) {
  bool answers = false;
  io::TaskGroup group(co_await io::this_scope());
  for (grid::StorageServer* server : servers) group.spawn(ask(server, &group, &answers));
  co_await group.join();
  co_return answers;
}

}  // namespace holdfast::transfer
