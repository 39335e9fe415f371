// What small files cost on the line: on a long way, each question is a tenth of a second.
#include <gtest/gtest.h>

#include "grid/loopback_grid.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::test {
namespace {

constexpr unsigned kServers = 10, kFiles = 6;
const std::vector<std::string> kPems = make_pems(kServers);

std::string path_of(unsigned file) {
  return "/home/file" + std::to_string(file);
}

TEST(SmallFiles, AfterTheFirstOneInACommandTakeThreeRequestsOfEachServerAndNoNewConnection) {
  LoopbackGrid grid(kServers, kPems);
  grid.client.version_lasts = std::chrono::hours(1);  // however slow this machine is
  SeededRandom random(3);
  for (unsigned file = 0; file < kFiles; ++file) grid.put_file(path_of(file), random.bytes(10'240));
  const LoopbackGrid::Work work = [](const transfer::Context& context) -> io::Task<void> {
    std::vector<grid::Traffic> before(kServers);
    for (unsigned file = 0; file < kFiles; ++file) {
      transfer::Progress progress;
      const auto report = co_await transfer::upload_file(context, path_of(file), transfer::UploadOptions{}, progress);
      EXPECT_TRUE(report.has_value()) << report.error().what;
      if (!report) co_return;
      EXPECT_EQ(report->shares_placed, 10u);
      for (unsigned i = 0; i < kServers; ++i) {
        const grid::Traffic now = context.servers[i]->traffic();
        const std::uint64_t requests = now.requests - before[i].requests;
        // version, list, status, allocate, write; then status, allocate, write.
        EXPECT_EQ(requests, file == 0 ? 5u : 3u) << path_of(file) << ", server " << i;
        EXPECT_TRUE(file == 0 || now.connections == before[i].connections) << path_of(file) << ", server " << i;
        before[i] = now;
      }
    }
  };
  grid.run(work);
}

}  // namespace
}  // namespace holdfast::test
