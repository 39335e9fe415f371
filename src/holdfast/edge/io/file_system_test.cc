// One conformance kit for every FileSystem, and the power cuts of the one in memory.
#include "holdfast/edge/io/file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

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

TEST(Paths, HaveAParent) {
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a//b/"), "/a");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
}

// ---- Power cuts ----

constexpr std::uint64_t kSector = 512;

class PowerCut : public testing::Test {
 protected:
  struct World {
    SeededRandom random;
    MemoryFileSystem fs{random};
    explicit World(std::uint64_t seed) : random(seed) {}
    Bytes get(const std::string& path) { return read_file(fs, path, 1'000'000).value(); }
    bool exists(const std::string& path) { return fs.info(path).has_value(); }
    void put(const std::string& path, ByteView bytes) {
      const auto file = fs.open(path, Open::create).value();
      ASSERT_TRUE(file->write(0, bytes) && file->sync() && fs.sync_directory(parent_path(path)));
    }
  };
  /// What each of many cuts leaves, as text.
  template <class Before, class After>
  static std::set<std::string> outcomes(Before before, After after, std::uint64_t seeds = 200) {
    std::set<std::string> out;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      World world(seed);
      before(world);
      world.fs.power_cut();
      out.insert(after(world));
    }
    return out;
  }
  using Texts = std::set<std::string>;
};

TEST_F(PowerCut, SyncedBytesUnderASyncedNameStay) {
  const Texts left = outcomes([](World& w) { w.put("/a", Bytes(5'000, 9)); },
                              [](World& w) { return w.get("/a") == Bytes(5'000, 9) ? "whole" : "damaged"; });
  EXPECT_EQ(left, Texts{"whole"});
}

TEST_F(PowerCut, UnsyncedBytesAreKeptLostZeroedOrTornBySector) {
  const auto before = [](World& w) {
    w.put("/a", Bytes(kSector, 'o'));
    ASSERT_TRUE(w.fs.open("/a", Open::write).value()->write(0, Bytes(3 * kSector, 'n')).has_value());
  };
  const auto after = [](World& w) {
    std::string sectors;
    const Bytes bytes = w.get("/a");
    EXPECT_EQ(bytes.size() % kSector, 0u);
    for (std::size_t at = 0; at < bytes.size(); at += kSector) {
      EXPECT_EQ(std::ranges::count(ByteView(bytes).subspan(at, kSector), bytes[at]), std::ptrdiff_t{kSector});
      sectors += bytes[at] == 0 ? '0' : static_cast<char>(bytes[at]);
    }
    return sectors;
  };
  const Texts left = outcomes(before, after);
  for (const char* text : {"o", "n", "nnn", "o00", "o0n", "nn0"}) EXPECT_TRUE(left.contains(text)) << text;
  EXPECT_FALSE(left.contains("0"));
  EXPECT_FALSE(left.contains("000"));
}

TEST_F(PowerCut, OfManyChangesASectorShowsAnyPrefix) {
  const auto before = [](World& w) {
    w.put("/a", view_of("0"));
    const auto file = w.fs.open("/a", Open::write).value();
    for (const char* digit : {"1", "2"}) ASSERT_TRUE(file->write(0, view_of(digit)).has_value());
    ASSERT_TRUE(file->truncate(0).has_value());
    ASSERT_TRUE(file->write(0, view_of("3")).has_value());
  };
  const Texts left = outcomes(before, [](World& w) { return std::string(text_of(w.get("/a"))); });
  EXPECT_EQ(left, (Texts{"", "0", "1", "2", "3", std::string(1, '\0')}));
}

TEST_F(PowerCut, AFailedSyncLosesWhatALaterOneDoesNotBringBack) {
  const auto before = [](World& w) {
    w.put("/a", Bytes(kSector, 'o'));
    const auto file = w.fs.open("/a", Open::write).value();
    ASSERT_TRUE(file->write(0, Bytes(kSector, 'n')).has_value());
    w.fs.fail_operation(w.fs.operations(), Errc::io);
    EXPECT_FALSE(file->sync().has_value());
    EXPECT_TRUE(file->sync().has_value());
    EXPECT_EQ(w.get("/a")[0], 'n');  // the cache still has it
  };
  const Texts left = outcomes(before, [](World& w) { return std::string(1, static_cast<char>(w.get("/a")[0])); });
  EXPECT_EQ(left, (Texts{"n", "o"}));
}

TEST_F(PowerCut, NamesSurviveInTheirOrder) {
  const auto before = [](World& w) {
    w.put("/a", view_of("old"));
    w.put("/tmp", view_of("new"));
    ASSERT_TRUE(w.fs.open("/b", Open::create).has_value());
    ASSERT_TRUE(w.fs.rename("/tmp", "/a").has_value());
    ASSERT_TRUE(w.fs.unlink("/b").has_value());
    ASSERT_TRUE(w.fs.make_directories("/c/d").has_value());
  };
  const auto after = [](World& w) {
    std::string out(text_of(w.get("/a")));
    for (const char* path : {"/tmp", "/b", "/c", "/c/d"}) out += w.exists(path) ? std::string(" ") + path : "";
    return out;
  };
  EXPECT_EQ(outcomes(before, after), (Texts{"old /tmp", "old /tmp /b", "new /b", "new", "new /c", "new /c /c/d"}));
}

TEST_F(PowerCut, ASyncedDirectoryKeepsItsNamesButNotItsOwn) {
  const auto before = [](World& w) {
    ASSERT_TRUE(w.fs.make_directories("/d").has_value());
    w.put("/d/a", view_of("text"));
  };
  const auto after = [](World& w) { return w.exists("/d") ? std::string(text_of(w.get("/d/a"))) : "nothing"; };
  EXPECT_EQ(outcomes(before, after), (Texts{"text", "nothing"}));
  const auto synced = [&](World& w) {
    before(w);
    ASSERT_TRUE(w.fs.sync_directory("/").has_value());
  };
  EXPECT_EQ(outcomes(synced, after), Texts{"text"});
}

TEST_F(PowerCut, ARenameBetweenDirectoriesIsNeverHalf) {
  const auto before = [](World& w) {
    ASSERT_TRUE(w.fs.make_directories("/x").has_value());
    ASSERT_TRUE(w.fs.make_directories("/y").has_value());
    ASSERT_TRUE(w.fs.sync_directory("/").has_value());
    w.put("/x/a", view_of("text"));
    ASSERT_TRUE(w.fs.rename("/x/a", "/y/a").has_value());
  };
  const auto after = [](World& w) { return std::string(w.exists("/x/a") ? "x" : "") + (w.exists("/y/a") ? "y" : ""); };
  EXPECT_EQ(outcomes(before, after), (Texts{"x", "y"}));
  for (const char* directory : {"/x", "/y"}) {
    const auto synced = [&](World& w) {
      before(w);
      ASSERT_TRUE(w.fs.sync_directory(directory).has_value());
    };
    EXPECT_EQ(outcomes(synced, after), Texts{"y"}) << directory;
  }
}

TEST_F(PowerCut, AnAtomicWriteLeavesTheOldOrTheNewWhereverItIsCut) {
  for (std::uint64_t cut = 0; cut < 8; ++cut) {
    bool written = false;
    const auto before = [&](World& w) {
      w.put("/a", view_of("old"));
      w.fs.power_off_from(w.fs.operations() + cut);
      written = write_file_atomically(w.fs, "/a", view_of("new")).has_value();
    };
    const auto after = [](World& w) { return std::string(text_of(w.get("/a"))); };
    const Texts left = outcomes(before, after, 50);
    for (const std::string& text : left) EXPECT_TRUE(text == "old" || text == "new") << text;
    if (written) {
      EXPECT_EQ(left, Texts{"new"}) << cut;
    }
  }
}

TEST(MemoryFileSystem, FailsTheOperationThatItIsToldTo) {
  SeededRandom random(1);
  MemoryFileSystem fs(random);
  fs.fail_operation(1, Errc::no_space);
  const auto file = fs.open("/a", Open::create).value();
  EXPECT_EQ(file->write(0, view_of("text")).error().code, Errc::no_space);
  EXPECT_TRUE(file->write(0, view_of("text")).has_value());
  EXPECT_EQ(fs.operations(), 3u);
}

TEST(MemoryFileSystem, FilesOfAKilledProcessAreClosedAndUnlocked) {
  SeededRandom random(1);
  MemoryFileSystem fs(random);
  const auto file = fs.open("/a", Open::create).value();
  ASSERT_TRUE(file->lock() && file->write(0, view_of("text")));
  fs.process_killed();
  EXPECT_EQ(file->write(0, view_of("late")).error().code, Errc::io);
  EXPECT_EQ(read_file(fs, "/a", 100).value(), to_bytes("text"));
  EXPECT_TRUE(fs.open("/a", Open::write).value()->lock().has_value());
}

TEST(MemoryFileSystem, IsFullWhenItsSectorsAreTaken) {
  SeededRandom random(1);
  MemoryFileSystem fs(random);
  fs.set_capacity(4 * kSector);
  const auto file = fs.open("/a", Open::create).value();
  ASSERT_TRUE(file->truncate(1'000'000).has_value());
  ASSERT_TRUE(file->write(10 * kSector - 1, Bytes(2, 1)).has_value());
  EXPECT_EQ(fs.free_bytes("/").value(), 2 * kSector);
  EXPECT_EQ(file->write(0, Bytes(3 * kSector, 1)).error().code, Errc::no_space);
  ASSERT_TRUE(file->write(0, Bytes(2 * kSector, 1)).has_value());
  ASSERT_TRUE(file->write(10, view_of("over what is there")).has_value());
  ASSERT_TRUE(fs.unlink("/a").has_value());
  EXPECT_EQ(fs.free_bytes("/").value(), 4 * kSector);
}

TEST(MemoryFileSystem, ServesManyThreads) {
  SeededRandom random(1);
  MemoryFileSystem fs(random);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fs, t] {
      const std::string path = "/" + std::to_string(t);
      for (int i = 0; i < 200; ++i)
        EXPECT_TRUE(write_file_atomically(fs, path, Bytes(100, static_cast<std::uint8_t>(i))).has_value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) EXPECT_EQ(read_file(fs, "/" + std::to_string(t), 100).value(), Bytes(100, 199));
}

}  // namespace
}  // namespace holdfast::io
