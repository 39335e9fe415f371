// Uploads come and go beside each other, and the last one out removes the directory.
#include "holdfast/node/storage/upload_files.h"

#include <gtest/gtest.h>

#include "holdfast/edge/io/memory_file_system.h"
#include "support/seeded_random.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kBytes = 100;

class UploadFilesTest : public testing::Test {
 protected:
  UploadFilesTest() { EXPECT_TRUE(fs_.make_directories("/incoming").has_value()); }

  UploadFiles make() { return {fs_, "/incoming/aa/aabb/4.cc", "/incoming", kBytes}; }
  static JournalContent journal() {
    JournalContent out;
    out.header.resumable = true;
    out.header.allocated_size = kBytes;
    return out;
  }
  static Result<void> sync(UploadFiles& files) { return files.make_durable(RangeSet{{0, kBytes}}, journal()); }

  test::SeededRandom random_{1};
  io::MemoryFileSystem fs_{random_};
  const Bytes data_ = Bytes(kBytes, 1);
};

TEST_F(UploadFilesTest, ADirectoryThatAnotherHasJustRemovedIsMadeAgain) {
  std::uint64_t fine = 0, n = 0;
  for (;; ++n) {
    UploadFiles files = make();
    ASSERT_TRUE(files.write(0, data_, {}).has_value());
    const std::uint64_t failing = fs_.operations() + n;
    fs_.fail_operation(failing, Errc::not_found);
    fine += sync(files) ? 1 : 0;
    const bool over = fs_.operations() <= failing;
    files.remove();
    if (over) break;
  }
  // Every operation but two needs what it names: the journal of an earlier upload may be gone, and the rename is tried again.
  EXPECT_EQ(fine, 2u + 1u);
  EXPECT_GT(n, 5u);
}

TEST_F(UploadFilesTest, AfterASyncThatFailedItBeginsAnewWhereverItStood) {
  for (std::uint64_t n = 0;; ++n) {
    UploadFiles files = make();
    ASSERT_TRUE(files.write(0, data_, {}).has_value());
    fs_.fail_operation(fs_.operations() + n, Errc::io);
    if (sync(files)) {
      EXPECT_GT(n, 5u);
      break;
    }
    if (files.has_journal()) {
      files.remove();
      continue;
    }
    // Those beside it leave, the last one with the directories.
    static_cast<void>(fs_.remove_directory("/incoming/aa/aabb"));
    static_cast<void>(fs_.remove_directory("/incoming/aa"));
    ASSERT_TRUE(files.start_afresh().has_value()) << n;
    ASSERT_TRUE(files.write(0, data_, {}).has_value()) << n;
    EXPECT_TRUE(sync(files).has_value()) << n;
    Bytes back(kBytes);
    EXPECT_TRUE(files.read(0, back).has_value() && back == data_) << n;
    files.remove();
    EXPECT_TRUE(fs_.list("/incoming")->empty()) << n;
  }
}

}  // namespace
}  // namespace holdfast::storage
