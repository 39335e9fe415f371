// A storage server as it starts: what it takes over, it takes over by the right clock.
#include "holdfast/node/storage/storage_role.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/edge/http/tls.h"
#include "holdfast/edge/io/asio_loop.h"
#include "holdfast/node/storage/collector_state.h"
#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using test::Client;
using test::sample_index;

constexpr std::int64_t kYears = std::int64_t{4} * 365 * 86'400;

io::Task<void> start(io::AsioLoop* loop, ShareStore::World world, RoleOptions options, Result<void>* out) {
  const auto role = co_await StorageRole::start(*loop, world, std::move(options));
  *out = role ? Result<void>{} : tl::make_unexpected(role.error());
}

/// The process dies at the n-th operation of an upload.
void leave(test::Machine& machine, std::uint64_t n) {
  Client client;
  HF_CHECK(machine.start().has_value());
  machine.fs.power_off_from(machine.fs.operations() + n);
  static_cast<void>(machine.run(client.upload(&machine.store())));
  machine.kill();
}

/// The first moment at which all of a share is held, but not under its name: the next start finishes it.
std::uint64_t before_it_has_its_name() {
  for (std::uint64_t n = 0; n < 300; ++n) {
    test::Machine machine;
    leave(machine, n);
    HF_CHECK(machine.start().has_value());
    if (machine.store().counters().shares_completed > 0) return n;
  }
  ADD_FAILURE() << "there is no such moment";
  return 0;
}

TEST(StorageRole, WhatItFinishesAtItsStartHasItsLeaseByTheClockThatWasRemembered) {
  test::Machine machine;
  leave(machine, before_it_has_its_name());
  // The clock of the machine stands years back, as that of one whose battery is empty.
  io::AsioLoop loop;
  const std::int64_t remembered = loop.wall_seconds() + kYears;
  const Bytes state = encode(CollectorState{"", remembered});
  ASSERT_TRUE(io::write_file_atomically(machine.fs, machine.paths().collector_state(), state).has_value());
  const auto pool = io::make_inline_pool(loop);
  RoleOptions options;
  options.store = machine.options;
  options.expiry.enabled = true;
  holdfast::test::SeededRandom random{1};
  options.node_pem = http::make_self_signed_pem(random, "storage").value();
  test::QuietLog log;
  Result<void> started = fail(Errc::io, "not begun");
  io::CancelScope scope(loop);
  const ShareStore::World world{loop, *pool, machine.fs, log};
  loop.run(start(&loop, world, std::move(options), &started), scope);
  ASSERT_TRUE(started.has_value()) << started.error().what;
  const Bytes share = io::read_file(machine.fs, machine.paths().share(sample_index(), 4), 1'000'000).value();
  EXPECT_GE(static_cast<std::int64_t>(load_be(share, share.size() - 4, 4)), remembered + kLeaseSeconds);
}

}  // namespace
}  // namespace holdfast::storage
