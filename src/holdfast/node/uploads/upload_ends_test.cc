// The end of an upload is told only as far as the disk has taken it, and what the disk lost is told too.
#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;

constexpr auto kCancelled = resume::UploadEnd::cancelled;

/// With tombstones, as a gateway has them.
class Gateway : public Machine {
 public:
  Gateway() {
    options.tombstone_seconds = 1'000;
    options.whole_digest = true;
  }
  UploadPtr upload_of(std::size_t bytes) {
    HF_CHECK(start().has_value());
    UploadPtr upload = create("a", 2 * bytes).value();
    HF_CHECK(send(upload, Bytes(bytes, 1)).has_value());
    return upload;
  }
  bool is_open_after_restart() {
    cut_power();
    fs.set_capacity(std::uint64_t{1} << 30U);
    EXPECT_TRUE(start().has_value());
    const UploadPtr upload = store().find("a");
    return upload != nullptr && !upload->has_ended();
  }
  void break_disk() {
    for (int i = 0; i < 100; ++i) fs.fail_operation(broken_until_ = fs.operations() + i, Errc::io);
  }
  void mend_disk() {
    while (fs.operations() <= broken_until_) static_cast<void>(fs.info("/spool"));
  }

 private:
  std::uint64_t broken_until_ = 0;
};

TEST(UploadEnds, a_full_disk_does_not_keep_an_upload_alive) {
  Gateway gateway;
  const UploadPtr upload = gateway.upload_of(1'000);
  gateway.fs.set_capacity(1);
  EXPECT_TRUE(gateway.run(gateway.store().end(upload, kCancelled, "cancelled")));
  EXPECT_TRUE(upload->has_ended());
  EXPECT_FALSE(gateway.is_open_after_restart());
}

TEST(UploadEnds, are_true_after_a_power_cut_whatever_fails_first) {
  for (const Errc error : {Errc::io, Errc::no_space}) {
    for (std::uint64_t n = 0; n < 12; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + " fails with " + std::string(to_string(error)));
      Gateway gateway;
      const UploadPtr upload = gateway.upload_of(1'000);
      gateway.fs.fail_operation(gateway.fs.operations() + n, error);
      const bool lasts = gateway.run(gateway.store().end(upload, kCancelled, "cancelled"));
      EXPECT_FALSE(gateway.is_open_after_restart() && lasts);
    }
  }
}

TEST(UploadEnds, are_not_told_when_the_disk_takes_nothing) {
  Gateway gateway;
  const UploadPtr upload = gateway.upload_of(1'000);
  gateway.fs.power_off_from(gateway.fs.operations());
  EXPECT_FALSE(gateway.run(gateway.store().end(upload, kCancelled, "cancelled")));
  EXPECT_TRUE(gateway.is_open_after_restart());
}

TEST(UploadEnds, can_be_wished_again_when_the_disk_took_nothing) {
  Gateway gateway;
  const UploadPtr upload = gateway.upload_of(1'000);
  const auto end = [&] { return gateway.run(gateway.store().end(upload, kCancelled, "cancelled")); };
  gateway.break_disk();
  EXPECT_FALSE(end());
  EXPECT_TRUE(upload->has_ended());
  EXPECT_FALSE(end()) << "still nothing";
  gateway.mend_disk();
  EXPECT_TRUE(end());
  EXPECT_EQ(upload->log.reason, "cancelled");
  EXPECT_FALSE(gateway.is_open_after_restart());
}

TEST(UploadEnds, become_true_by_themselves_when_the_disk_works_again) {
  Gateway gateway;
  const UploadPtr upload = gateway.upload_of(1'000);
  gateway.break_disk();
  EXPECT_FALSE(gateway.run(gateway.store().end(upload, resume::UploadEnd::expired, "nothing came")));
  gateway.mend_disk();
  gateway.pass(std::chrono::seconds(61));
  EXPECT_FALSE(gateway.is_open_after_restart());
  EXPECT_EQ(gateway.store().find("a")->log.end, resume::UploadEnd::expired);
  EXPECT_EQ(gateway.store().find("a")->log.reason, "nothing came");
}

TEST(UploadEnds, a_file_that_is_too_short_ends_its_upload_and_the_reason_says_what_is_missing) {
  for (const bool restarted : {true, false}) {
    SCOPED_TRACE(restarted);
    Gateway gateway;
    UploadPtr upload = gateway.upload_of(1'000);
    EXPECT_EQ(gateway.run(gateway.store().find_loss(upload)), std::nullopt);
    ASSERT_TRUE(upload->files.cut(999).has_value());
    if (restarted) {
      gateway.kill();
      ASSERT_TRUE(gateway.start().has_value());
      upload = gateway.store().find("a");
      ASSERT_NE(upload, nullptr);
      ASSERT_TRUE(upload->has_ended());
      EXPECT_EQ(gateway.store().counters().failed, 1U);
    } else {
      const std::optional<std::string> loss = gateway.run(gateway.store().find_loss(upload));
      ASSERT_TRUE(loss.has_value());
      EXPECT_TRUE(gateway.run(gateway.store().end(upload, resume::UploadEnd::failed, *loss)));
    }
    EXPECT_EQ(upload->log.reason,
              "1000 bytes were acknowledged and 999 are left on the disk here: the file must be sent again");
    EXPECT_EQ(gateway.store().find_by_token(gateway.store().token_of(*upload)), upload);
    EXPECT_FALSE(gateway.is_open_after_restart());
    EXPECT_EQ(gateway.store().find("a")->log.reason, upload->log.reason) << "it is remembered";
  }
}

}  // namespace
}  // namespace holdfast::uploads
