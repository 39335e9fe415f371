// One conformance kit for every FileSystem.
#include "holdfast/edge/io/file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/posix_file_system.h"
#include "support/seeded_random.h"

namespace holdfast::io {
namespace {

using test::SeededRandom;

class Disk {
 public:
  virtual ~Disk() = default;
  virtual FileSystem& fs() = 0;
  virtual std::string root() const = 0;
};

class PosixDisk final : public Disk {
 public:
  PosixDisk() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~PosixDisk() override { std::filesystem::remove_all(root_); }
  FileSystem& fs() override { return fs_; }
  std::string root() const override { return root_; }

 private:
  PosixFileSystem fs_;
  std::string root_;
};

class MemoryDisk final : public Disk {
 public:
  FileSystem& fs() override { return fs_; }
  std::string root() const override { return ""; }

 private:
  SeededRandom random_{1};
  MemoryFileSystem fs_{random_};
};

template <class DiskType>
class FileSystemConformance : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return disk_.root() + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, Open how) { return fs_.open(path(name), how).value(); }
  void put(const std::string& name, std::string_view text) {
    ASSERT_TRUE(open(name, Open::create)->write(0, view_of(text)).has_value());
  }
  std::string get(const std::string& name) {
    const Result<Bytes> bytes = read_file(fs_, path(name), 1'000'000);
    return bytes ? std::string(text_of(*bytes)) : "error: " + std::string(to_string(bytes.error().code));
  }
  std::set<std::string> names(const std::string& directory) {
    std::set<std::string> out;
    const std::vector<FileSystem::Entry> entries = fs_.list(path(directory)).value();
    for (const auto& entry : entries) out.insert(entry.name + (entry.is_directory ? "/" : ""));
    return out;
  }
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "fine" : std::string(to_string(result.error().code));
  }

  DiskType disk_;
  FileSystem& fs_ = disk_.fs();
};

using Disks = testing::Types<PosixDisk, MemoryDisk>;
class DiskNames {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, PosixDisk> ? "Posix" : "Memory";
  }
};
TYPED_TEST_SUITE(FileSystemConformance, Disks, DiskNames);

TYPED_TEST(FileSystemConformance, EachWayToOpenSaysWhatItNeeds) {
  EXPECT_EQ(this->code(this->fs_.open(this->path("a"), Open::read)), "not_found");
  EXPECT_EQ(this->code(this->fs_.open(this->path("a"), Open::write)), "not_found");
  EXPECT_EQ(this->code(this->fs_.open(this->path("a"), Open::create_new)), "fine");
  EXPECT_EQ(this->code(this->fs_.open(this->path("a"), Open::create_new)), "conflict");
  EXPECT_EQ(this->code(this->fs_.open(this->path("a"), Open::create)), "fine");
  EXPECT_EQ(this->code(this->fs_.open(this->path("b"), Open::create_private)), "fine");
  EXPECT_EQ(this->code(this->fs_.open(this->path("missing/a"), Open::create)), "not_found");
  EXPECT_EQ(this->code(this->fs_.open(this->path("a/b"), Open::create)), "not_found");
  ASSERT_TRUE(this->fs_.make_directories(this->path("d")).has_value());
  EXPECT_EQ(this->code(this->fs_.open(this->path("d"), Open::write)), "io");
  EXPECT_EQ(this->code(this->fs_.open(this->path("d"), Open::create_new)), "conflict");
}

TYPED_TEST(FileSystemConformance, OpeningNeverLosesContent) {
  this->put("a", "content");
  this->open("a", Open::create);
  this->open("a", Open::create_private);
  EXPECT_EQ(this->get("a"), "content");
}

TYPED_TEST(FileSystemConformance, PermissionsAreThoseThatWereGiven) {
  const auto file = this->open("a", Open::create_private);
  EXPECT_EQ(file->info()->permissions, 0600u);
  ASSERT_TRUE(file->set_permissions(0640).has_value());
  EXPECT_EQ(file->info()->permissions, 0640u);
  EXPECT_EQ(this->fs_.info(this->path("a"))->permissions, 0640u);
  EXPECT_EQ(this->open("a", Open::create)->info()->permissions, 0640u);
}

TYPED_TEST(FileSystemConformance, WhatIsForgottenIsReadFromTheDisk) {
  const auto file = this->open("a", Open::create);
  for (const std::string_view content : {"synced", "unsynced"}) {
    ASSERT_TRUE(file->write(0, view_of(content)).has_value());
    if (content == "synced") {
      ASSERT_TRUE(file->sync().has_value());
    }
    file->forget_cached();
    EXPECT_EQ(this->get("a"), content);
  }
}

TYPED_TEST(FileSystemConformance, ReadsStopAtTheEndAndGapsAreZeros) {
  const auto file = this->open("a", Open::create);
  ASSERT_TRUE(file->write(3, view_of("xyz")).has_value());
  Bytes out(10, 0xee);
  EXPECT_EQ(file->read(0, out).value(), 6u);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 6), to_bytes(std::string_view("\0\0\0xyz", 6)));
  EXPECT_EQ(file->read(5, out).value(), 1u);
  EXPECT_EQ(file->read(6, out).value(), 0u);
  EXPECT_EQ(file->read(1'000, out).value(), 0u);
  ASSERT_TRUE(file->write(100, {}).has_value());
  EXPECT_EQ(file->info()->size, 6u);
}

TYPED_TEST(FileSystemConformance, AStreamIsAFileLikeAnyOther) {
  const auto file = this->open("a", Open::create);
  file->expect_stream(StreamRead::later);
  SeededRandom random(7);
  const Bytes content = random.bytes(48 * 1'048'576);
  const ByteView view(content);
  constexpr std::size_t kPiece = 700'001;
  // Forwards, with holes that are filled later and a sync now and then.
  for (std::size_t at = 0; at < content.size(); at += 2 * kPiece) {
    ASSERT_TRUE(file->write(at, view.subspan(at, std::min(kPiece, content.size() - at))).has_value());
    if (at % (10 * kPiece) == 0) {
      ASSERT_TRUE(file->sync().has_value());
    }
  }
  for (std::size_t at = kPiece; at < content.size(); at += 2 * kPiece) {
    ASSERT_TRUE(file->write(at, view.subspan(at, std::min(kPiece, content.size() - at))).has_value());
  }
  ASSERT_TRUE(file->write(5, view.subspan(5, 20'000'000)).has_value());
  ASSERT_TRUE(file->sync().has_value());
  Bytes out(content.size() + 1);
  ASSERT_EQ(file->read(0, out).value(), content.size());
  EXPECT_TRUE(std::equal(content.begin(), content.end(), out.begin()));
}

TYPED_TEST(FileSystemConformance, ResizingCutsAndFillsWithZeros) {
  const auto file = this->open("a", Open::create);
  ASSERT_TRUE(file->write(0, view_of("abcdef")).has_value());
  ASSERT_TRUE(file->truncate(2).has_value());
  ASSERT_TRUE(file->truncate(4).has_value());
  EXPECT_EQ(this->get("a"), std::string("ab\0\0", 4));
  EXPECT_EQ(this->code(file->truncate(std::uint64_t{1} << 63)), "io");
}

TYPED_TEST(FileSystemConformance, AFileOpenedForReadingStaysAsItIs) {
  this->put("a", "abc");
  const auto file = this->open("a", Open::read);
  EXPECT_EQ(this->code(file->write(0, view_of("x"))), "io");
  EXPECT_EQ(this->code(file->truncate(0)), "io");
  EXPECT_EQ(this->get("a"), "abc");
}

TYPED_TEST(FileSystemConformance, SparseFilesTakeLittleRoom) {
  const auto file = this->open("a", Open::create);
  ASSERT_TRUE(file->truncate(16 * 1'048'576).has_value());
  ASSERT_TRUE(file->write(1'048'576, Bytes(4'096, 1)).has_value());
  ASSERT_TRUE(file->sync().has_value());
  const FileInfo info = file->info().value();
  EXPECT_EQ(info.size, 16u * 1'048'576);
  EXPECT_GE(info.allocated_bytes, 4'096u);
  EXPECT_LT(info.allocated_bytes, info.size);
}

TYPED_TEST(FileSystemConformance, AnOpenFileOutlivesItsName) {
  const auto file = this->open("a", Open::create);
  ASSERT_TRUE(file->write(0, view_of("abc")).has_value());
  ASSERT_TRUE(this->fs_.unlink(this->path("a")).has_value());
  EXPECT_EQ(this->code(this->fs_.unlink(this->path("a"))), "not_found");
  ASSERT_TRUE(file->write(3, view_of("def")).has_value());
  this->put("a", "new");
  EXPECT_EQ(this->get("a"), "new");
  EXPECT_EQ(file->info()->size, 6u);
}

TYPED_TEST(FileSystemConformance, RenameReplacesAndRenameNewDoesNot) {
  this->put("a", "a");
  this->put("b", "b");
  EXPECT_EQ(this->code(this->fs_.rename_new(this->path("a"), this->path("b"))), "conflict");
  EXPECT_EQ(this->get("b"), "b");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("a"), this->path("b"))), "fine");
  EXPECT_EQ(this->get("b"), "a");
  EXPECT_EQ(this->get("a"), "error: not_found");
  EXPECT_EQ(this->code(this->fs_.rename_new(this->path("b"), this->path("c"))), "fine");
  EXPECT_EQ(this->get("c"), "a");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("c"), this->path("c"))), "fine");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("missing"), this->path("x"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.rename_new(this->path("missing"), this->path("x"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("c"), this->path("missing/x"))), "not_found");
}

TYPED_TEST(FileSystemConformance, DirectoriesAreRenamedWithWhatIsInThem) {
  ASSERT_TRUE(this->fs_.make_directories(this->path("d/e")).has_value());
  ASSERT_TRUE(this->fs_.make_directories(this->path("f/g")).has_value());
  this->put("d/e/x", "x");
  this->put("y", "y");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("d"), this->path("f"))), "conflict");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("y"), this->path("f"))), "io");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("f"), this->path("y"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("d"), this->path("d/e/z"))), "io");
  EXPECT_EQ(this->code(this->fs_.rename(this->path("d"), this->path("f/g"))), "fine");
  EXPECT_EQ(this->get("f/g/e/x"), "x");
}

TYPED_TEST(FileSystemConformance, MakingDirectoriesTellsWhichAreNew) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(this->fs_.make_directories(this->path("a/b")).value(), (Paths{this->path("a"), this->path("a/b")}));
  EXPECT_EQ(this->fs_.make_directories(this->path("a/b")).value(), Paths{});
  EXPECT_EQ(this->fs_.make_directories(this->path("a/b/c/d")).value(),
            (Paths{this->path("a/b/c"), this->path("a/b/c/d")}));
  this->put("a/file", "");
  EXPECT_EQ(this->code(this->fs_.make_directories(this->path("a/file"))), "conflict");
  EXPECT_EQ(this->code(this->fs_.make_directories(this->path("a/file/x"))), "not_found");
}

TYPED_TEST(FileSystemConformance, OnlyEmptyDirectoriesAreRemoved) {
  ASSERT_TRUE(this->fs_.make_directories(this->path("a/b")).has_value());
  EXPECT_EQ(this->code(this->fs_.remove_directory(this->path("a"))), "conflict");
  EXPECT_EQ(this->code(this->fs_.unlink(this->path("a/b"))), "io");
  EXPECT_EQ(this->code(this->fs_.remove_directory(this->path("a/b"))), "fine");
  EXPECT_EQ(this->code(this->fs_.remove_directory(this->path("a/b"))), "not_found");
  this->put("a/file", "");
  EXPECT_EQ(this->code(this->fs_.remove_directory(this->path("a/file"))), "not_found");
}

TYPED_TEST(FileSystemConformance, ListsNamesWithTheirKind) {
  ASSERT_TRUE(this->fs_.make_directories(this->path("a/b")).has_value());
  this->put("a/x", "");
  EXPECT_EQ(this->names("a"), (std::set<std::string>{"b/", "x"}));
  EXPECT_EQ(this->names("a/b"), std::set<std::string>{});
  EXPECT_EQ(this->code(this->fs_.list(this->path("missing"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.list(this->path("a/x"))), "not_found");
}

TYPED_TEST(FileSystemConformance, InfoTellsFilesApart) {
  this->put("a", "abc");
  this->put("b", "abcd");
  const FileInfo a = this->fs_.info(this->path("a")).value(), b = this->fs_.info(this->path("b")).value();
  EXPECT_EQ(a.size, 3u);
  EXPECT_EQ(b.size, 4u);
  EXPECT_NE(a.inode, b.inode);
  EXPECT_EQ(a.device, b.device);
  EXPECT_FALSE(a.is_directory);
  EXPECT_EQ(this->open("a", Open::read)->info()->inode, a.inode);
  ASSERT_TRUE(this->fs_.make_directories(this->path("d")).has_value());
  EXPECT_TRUE(this->fs_.info(this->path("d"))->is_directory);
  EXPECT_EQ(this->code(this->fs_.info(this->path("missing"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.info(this->path("a/x"))), "not_found");
}

TYPED_TEST(FileSystemConformance, ALockIsHeldUntilItsFileIsClosed) {
  auto first = this->open("a", Open::create);
  const auto second = this->open("a", Open::create);
  EXPECT_EQ(this->code(first->lock()), "fine");
  EXPECT_EQ(this->code(first->lock()), "fine");
  EXPECT_EQ(this->code(second->lock()), "conflict");
  first.reset();
  EXPECT_EQ(this->code(second->lock()), "fine");
}

TYPED_TEST(FileSystemConformance, SyncsWhatExists) {
  this->put("a", "abc");
  EXPECT_EQ(this->code(this->open("a", Open::write)->sync()), "fine");
  EXPECT_EQ(this->code(this->fs_.sync_directory(this->path(""))), "fine");
  EXPECT_EQ(this->code(this->fs_.sync_directory(this->path("missing"))), "not_found");
  EXPECT_EQ(this->code(this->fs_.sync_directory(this->path("a"))), "not_found");
}

TYPED_TEST(FileSystemConformance, SomeRoomIsFree) {
  EXPECT_GT(this->fs_.free_bytes(this->path("")).value(), 0u);
  EXPECT_EQ(this->code(this->fs_.free_bytes(this->path("missing"))), "not_found");
}

TYPED_TEST(FileSystemConformance, WholeFilesAreReadUpToABoundAndReplacedAtOnce) {
  ASSERT_TRUE(write_file_atomically(this->fs_, this->path("a"), Bytes(10'000, 7)).has_value());
  EXPECT_EQ(read_file(this->fs_, this->path("a"), 10'000).value(), Bytes(10'000, 7));
  EXPECT_EQ(this->code(read_file(this->fs_, this->path("a"), 9'999)), "malformed");
  ASSERT_TRUE(write_file_atomically(this->fs_, this->path("a"), view_of("short"), Open::create_private).has_value());
  EXPECT_EQ(this->get("a"), "short");
  EXPECT_EQ(this->names(""), std::set<std::string>{"a"});
}

TEST(PosixFileSystem, WhatThisMachineDoesNotPermitIsNoMatterOfSecrets) {
  if (!std::filesystem::is_directory("/sys")) GTEST_SKIP() << "skipped: no /sys, where nobody may make a directory";
  PosixFileSystem fs;
  const auto made = fs.make_directories("/sys/holdfast-test");
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Errc::not_permitted) << made.error().what;
}

TEST(PosixFileSystem, WhereNothingCanBeSyncedNothingNeedBe) {
  PosixFileSystem fs;
  EXPECT_TRUE(fs.sync_directory("/proc").has_value());
}

TEST(Paths, HaveAParent) {
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a//b/"), "/a");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
}

}  // namespace
}  // namespace holdfast::io
