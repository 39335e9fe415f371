// What the disk in memory does beyond the conformance kit: it fails on request, fills up, and loses power.
#include "holdfast/edge/io/memory_file_system.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "support/seeded_random.h"

namespace holdfast::io {
namespace {

using test::SeededRandom;

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

TEST_F(PowerCut, ADirectoryThatIsReportedToLastDoesWhateverBecameOfAnEarlierAttempt) {
  const std::string path = "/a/b/c";
  const auto survives = [&](std::uint64_t seed, std::uint64_t n, bool killed, bool& met) {
    World w(seed);
    killed ? w.fs.power_off_from(n) : w.fs.fail_operation(n, Errc::io);
    Result<void> made = make_lasting_directory(w.fs, path);
    met = w.fs.operations() > n;
    if (killed) w.fs.process_killed();
    if (!made) made = make_lasting_directory(w.fs, path);
    w.fs.power_cut();
    return made.has_value() && w.exists(path);
  };
  for (const bool killed : {false, true}) {
    bool met = true;
    std::uint64_t n = 0;
    for (; met; ++n) {
      ASSERT_LT(n, 100u);
      for (std::uint64_t seed = 0; seed < 50; ++seed)
        EXPECT_TRUE(survives(seed, n, killed, met)) << "operation " << n << (killed ? " and all after it" : "");
    }
    EXPECT_GT(n, 9u);  // three directories: each is looked for, made and synced
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
