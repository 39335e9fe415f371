// How many round trips pass before the first byte of a large file is there: questions are counted by time, one second each.
#include <gtest/gtest.h>

#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/downloader.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

using std::chrono::seconds;

constexpr io::Duration kRoundTrip = seconds(1);

/// Has one share, and answers every question after a round trip.
class FarServer final : public grid::StorageServer {
 public:
  FarServer(ShareNumber number, Bytes share)
      : number_(number), name_("far-" + std::to_string(number)), share_(std::move(share)) {}

  const std::string& id() const override { return name_; }
  const std::string& name() const override { return name_; }
  ByteView permutation_seed() const override { return view_of(name_); }
  std::optional<SpkiHash> spki() const override { return SpkiHash{}; }
  std::optional<TubId> tub_id() const override { return TubId{}; }
  io::Task<Result<grid::VersionAnswer>> version() override { co_return fail(Errc::unsupported, ""); }
  io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex&) override {
    HF_CO_TRY_VOID(co_await travel());
    co_return std::vector<ShareNumber>{number_};
  }
  io::Task<Result<Bytes>> read(const StorageIndex&, ShareNumber, Range range) override {
    HF_CO_TRY_VOID(co_await travel());
    bytes_read += immutable::test_kit::served(share_, range).size();
    co_return to_bytes(immutable::test_kit::served(share_, range));
  }
  io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex&, protocol::AllocateRequest,
                                                     const grid::AllocateSecrets&) override {
    co_return fail(Errc::unsupported, "");
  }
  io::Task<Result<grid::WriteAnswer>> write(const StorageIndex&, ShareNumber, std::uint64_t, grid::ByteSource&,
                                            const Secret&) override {
    co_return fail(Errc::unsupported, "");
  }
  io::Task<Result<void>> abort(const StorageIndex&, ShareNumber, const Secret&) override { co_return Result<void>{}; }
  io::Task<Result<protocol::UploadStatus>> status(const StorageIndex&, const Secret&) override {
    co_return fail(Errc::unsupported, "");
  }
  io::Task<Result<void>> add_lease(const StorageIndex&, const Secret&, const Secret&) override {
    co_return Result<void>{};
  }
  io::Task<Result<void>> advise_corrupt(const StorageIndex&, ShareNumber, std::string) override {
    co_return Result<void>{};
  }
  grid::Traffic traffic() const override {
    grid::Traffic out;
    out.body_bytes_received = bytes_read;
    return out;
  }

  std::uint64_t bytes_read = 0;

 private:
  io::Task<Result<void>> travel() {
    const bool arrived = co_await io::sleep_for(kRoundTrip);
    if (!arrived) co_return fail(Errc::cancelled, "stopped");
    co_return Result<void>{};
  }

  const ShareNumber number_;
  const std::string name_;
  const Bytes share_;
};

class FirstByteTest : public testing::Test, private Sink {
 protected:
  /// A file on ten servers; the time until the first byte at `offset` is delivered.
  io::Duration first_byte(std::uint64_t segment_size, std::uint64_t offset) {
    const Bytes plaintext = immutable::test_kit::plaintext_of(6'000'000);
    const auto params = immutable::make_params(3, 10, plaintext.size(), segment_size).value();
    immutable::test_kit::EncodedFile file(plaintext, params, cap::Key::from(Bytes(16, 9)));
    std::vector<std::unique_ptr<FarServer>> servers;
    std::vector<grid::StorageServer*> grid;
    for (ShareNumber i = 0; i < 10; ++i) {
      grid.push_back(servers.emplace_back(std::make_unique<FarServer>(i, file.share(i))).get());
    }
    const Context context{loop_, *pool_, *pool_, files_, random_, log_, grid, {}, Secret(), Secret(), "/transfers"};
    io::CancelScope scope(loop_);
    DownloadOptions options;
    options.range = Range{offset, offset + 1};
    const io::Time begin = loop_.now();
    EXPECT_TRUE(loop_.run(get(&context, file.cap(), options), scope));
    EXPECT_EQ(got_, Bytes{plaintext[offset]});
    return first_ - begin;
  }

 private:
  io::Task<Result<void>> write(ByteView bytes) override {
    if (got_.empty()) first_ = loop_.now();
    append(got_, bytes);
    co_return Result<void>{};
  }
  io::Task<void> get(const Context* context, cap::ChkReadCap cap, DownloadOptions options) {
    Progress progress;
    const Result<DownloadReport> report = co_await download(*context, cap::Cap(cap), *this, options, progress);
    EXPECT_TRUE(report.has_value()) << report.error().what;
  }

  io::SimulatedLoop loop_;
  test::SeededRandom random_{1};
  io::MemoryFileSystem files_{random_};
  io::NullLog log_;
  std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop_);
  Bytes got_;
  io::Time first_{};
};

TEST_F(FirstByteTest, IsThereAfterThreeRoundTrips) {
  EXPECT_EQ(first_byte(1'048'576, 0), 3 * kRoundTrip);
}

TEST_F(FirstByteTest, SoItIsInTheMiddle) {
  EXPECT_EQ(first_byte(1'048'576, 4'000'000), 3 * kRoundTrip);
}

TEST_F(FirstByteTest, SegmentsOfAnotherSizeCostTheHeaderAndTheTailAgain) {
  EXPECT_EQ(first_byte(131'072, 0), 5 * kRoundTrip);
}

}  // namespace
}  // namespace holdfast::transfer
