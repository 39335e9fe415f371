#include "holdfast/node/config/node_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "holdfast/core/base/base32.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/posix_file_system.h"

namespace holdfast::config {
namespace {

namespace fs = std::filesystem;

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(unsigned seed) : engine_(seed) {}
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937 engine_;
};

const std::string kNurl = "pb://" + std::string(43, 'A') + "@host:8098/swissnum#v=1";

/// A node directory on the real disk, which goes with the test.
class NodeDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "holdfast-node-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    old_mask_ = ::umask(0022);
  }
  void TearDown() override {
    ::umask(old_mask_);
    fs::remove_all(root_);
  }

  NodeDirectory node() { return NodeDirectory(files_, (root_ / "node").string()); }
  void write(const std::string& name, std::string_view content) {
    fs::create_directories((root_ / "node" / name).parent_path());
    std::ofstream(root_ / "node" / name, std::ios::binary) << content;
  }
  std::string read(const std::string& name) {
    std::ifstream in(root_ / "node" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  unsigned mode(const std::string& name) {
    return static_cast<unsigned>(fs::status(root_ / "node" / name).permissions()) & 0777u;
  }

  io::PosixFileSystem files_;
  fs::path root_;
  mode_t old_mask_ = 0;
};

TEST_F(NodeDirectoryTest, is_made_with_its_secrets_and_its_configuration) {
  SeededRandom random(1);
  EXPECT_FALSE(node().exists());
  ASSERT_TRUE(node().create(random, "[node]\nnickname = n\n"));
  EXPECT_TRUE(node().exists());
  EXPECT_EQ(node().tahoe_cfg().value().nickname, "n");
  EXPECT_EQ(node().lease_secret().value().size(), 32u);
  EXPECT_EQ(node().convergence().value().size(), 32u);
  EXPECT_FALSE(node().lease_secret().value() == node().convergence().value());
}

TEST_F(NodeDirectoryTest, shows_its_secrets_to_its_owner_only) {
  SeededRandom random(1);
  ASSERT_TRUE(node().create(random, ""));
  EXPECT_EQ(mode("private"), 0700u);
  EXPECT_EQ(mode("private/secret"), 0600u);
  EXPECT_EQ(mode("private/convergence"), 0600u);
  EXPECT_EQ(mode("tahoe.cfg"), 0644u);
}

/// The real disk, which notes with what mode a file came into the world.
class WatchedFileSystem final : public io::FileSystem {
 public:
  Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override {
    if (how == io::Open::create || how == io::Open::create_new) made_for_all.push_back(path);
    return real_.open(path, how);
  }
  Result<void> rename(const std::string& from, const std::string& to) override { return real_.rename(from, to); }
  Result<void> rename_new(const std::string& from, const std::string& to) override {
    return real_.rename_new(from, to);
  }
  Result<void> unlink(const std::string& path) override { return real_.unlink(path); }
  Result<std::vector<std::string>> make_directories(const std::string& path) override {
    return real_.make_directories(path);
  }
  Result<void> remove_directory(const std::string& path) override { return real_.remove_directory(path); }
  Result<std::vector<Entry>> list(const std::string& path) override { return real_.list(path); }
  Result<void> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Result<void> sync_all(const std::string& path) override { return real_.sync_all(path); }
  Result<io::FileInfo> info(const std::string& path) override { return real_.info(path); }
  Result<std::uint64_t> free_bytes(const std::string& path) override { return real_.free_bytes(path); }

  std::vector<std::string> made_for_all;

 private:
  io::PosixFileSystem real_;
};

TEST_F(NodeDirectoryTest, never_lets_a_secret_be_readable_for_a_moment) {
  SeededRandom random(1);
  WatchedFileSystem watched;
  NodeDirectory node(watched, (root_ / "node").string());
  ASSERT_TRUE(node.create(random, ""));
  ASSERT_TRUE(node.write_private("storage.furl", "pb://"));
  for (const std::string& path : watched.made_for_all) EXPECT_EQ(path.find("/private/"), std::string::npos) << path;
}

TEST_F(NodeDirectoryTest, keeps_what_is_there_when_it_is_made_again) {
  SeededRandom random(1);
  ASSERT_TRUE(node().create(random, "first"));
  const std::string secret = read("private/secret");
  write("private/convergence", "");
  ASSERT_TRUE(node().create(random, "second"));
  EXPECT_EQ(read("tahoe.cfg"), "first");
  EXPECT_EQ(read("private/secret"), secret);
  EXPECT_EQ(read("private/convergence"), "");
}

/// A node directory that is made again while operation `failing` of the disk fails. How many operations there were.
std::uint64_t operations_of_making_again(std::optional<std::uint64_t> failing) {
  SeededRandom random(1);
  io::MemoryFileSystem files(random);
  NodeDirectory node(files, "/node");
  EXPECT_TRUE(node.create(random, "first"));
  const std::string secret = node.read_private("secret").value();
  const std::string convergence = node.read_private("convergence").value();
  const std::uint64_t before = files.operations();
  if (failing) files.fail_operation(before + *failing, Errc::io);
  EXPECT_EQ(node.create(random, "second").has_value(), !failing);
  const std::uint64_t operations = files.operations() - before;
  EXPECT_EQ(node.read_private("secret").value(), secret);
  EXPECT_EQ(node.read_private("convergence").value(), convergence);
  EXPECT_EQ(text_of(io::read_file(files, "/node/tahoe.cfg", 100).value()), "first");
  return operations;
}

TEST(NodeDirectory, replaces_nothing_when_the_disk_cannot_tell_what_is_there) {
  const std::uint64_t operations = operations_of_making_again(std::nullopt);
  EXPECT_GE(operations, 4u) << "a directory and three files are looked at";
  for (std::uint64_t failing = 0; failing < operations; ++failing) {
    SCOPED_TRACE(failing);
    operations_of_making_again(failing);
  }
}

TEST_F(NodeDirectoryTest, takes_an_empty_convergence_file_as_the_empty_secret_and_no_other) {
  write("private/convergence", "\n");
  write("private/secret", "\n");
  EXPECT_TRUE(node().convergence().value().empty());
  EXPECT_FALSE(node().lease_secret());
  write("private/convergence", "NOT BASE32\n");
  EXPECT_EQ(node().convergence().error().code, Errc::malformed);
}

TEST_F(NodeDirectoryTest, wants_a_lease_secret_of_32_bytes_and_says_what_to_do_without) {
  for (const std::string& text :
       {std::string(), std::string("NOT BASE32"), base32_encode(Bytes(31, 1)), base32_encode(Bytes(33, 1)),
        base32_encode(Bytes(64, 1)), base32_encode(Bytes(32, 1)) + " x"}) {
    write("private/secret", text + "\n");
    const auto secret = node().lease_secret();
    ASSERT_FALSE(secret) << text;
    EXPECT_EQ(secret.error().code, Errc::malformed);
    EXPECT_NE(secret.error().what.find("/node/private/secret must hold 32 bytes in base32"), std::string::npos)
        << secret.error().what;
    EXPECT_NE(secret.error().what.find("put the original back"), std::string::npos);
    EXPECT_TRUE(text.empty() || secret.error().what.find(text) == std::string::npos) << "a secret is not repeated";
  }
  write("private/convergence", base32_encode(Bytes(5, 1)));
  EXPECT_EQ(node().convergence().value().size(), 5u) << "one of Tahoe's may have any length";
}

TEST_F(NodeDirectoryTest, reads_the_secrets_of_a_tahoe_node) {
  const Bytes secret(32, 7);
  write("private/secret", base32_encode(secret) + "\r\n");
  write("private/convergence", base32_encode(secret));
  EXPECT_TRUE(equal(node().lease_secret().value().reveal(), secret));
  EXPECT_TRUE(equal(node().convergence().value().reveal(), secret));
}

TEST_F(NodeDirectoryTest, says_what_is_not_there) {
  EXPECT_EQ(node().lease_secret().error().code, Errc::not_found);
  EXPECT_EQ(node().convergence().error().code, Errc::not_found);
  EXPECT_EQ(node().tahoe_cfg().error().code, Errc::not_found);
  EXPECT_EQ(node().read_private("storage.furl").error().code, Errc::not_found);
}

TEST_F(NodeDirectoryTest, has_our_own_configuration_only_where_it_is_written) {
  EXPECT_EQ(node().holdfast_cfg().value().partial_per_share_max, 2u);
  write("holdfast.cfg", "[storage]\npartial.max_per_share = 9\n");
  EXPECT_EQ(node().holdfast_cfg().value().partial_per_share_max, 9u);
  write("holdfast.cfg", "[storage]\nmisspelt = 9\n");
  EXPECT_EQ(node().holdfast_cfg().error().code, Errc::malformed);
}

TEST_F(NodeDirectoryTest, knows_the_servers_of_both_lists) {
  std::vector<std::string> problems;
  EXPECT_TRUE(node().servers(problems).value().empty());
  write("private/servers.yaml",
        "storage:\n  one:\n    ann:\n      anonymous-storage-NURLs: ['" + kNurl + "']\n  two: {}\n");
  write("private/servers.nurl", "pb://" + std::string(42, 'B') + "A@host/swissnum#v=1\n");
  const auto servers = node().servers(problems);
  ASSERT_TRUE(servers) << servers.error().what;
  ASSERT_EQ(servers->size(), 2u);
  EXPECT_EQ(servers->at(0).server_id, "one");
  EXPECT_EQ(servers->at(1).server_id, "nurl-" + std::string(42, 'B') + "A");
  EXPECT_EQ(problems.size(), 1u);
}

TEST_F(NodeDirectoryTest, passes_on_that_a_list_cannot_be_read) {
  std::vector<std::string> problems;
  write("private/servers.yaml", "storage: [");
  EXPECT_EQ(node().servers(problems).error().code, Errc::malformed);
}

TEST_F(NodeDirectoryTest, has_a_server_of_both_lists_once) {
  std::string moved = kNurl;
  moved.replace(moved.find("host"), 4, "elsewhere");
  write("private/servers.yaml", "storage:\n  one:\n    ann:\n      anonymous-storage-NURLs: ['" + kNurl + "']\n");
  write("private/servers.nurl", "nonsense\n" + moved + "\npb://" + std::string(42, 'B') + "A@host/swissnum#v=1\n");
  std::vector<std::string> problems;
  const auto servers = node().servers(problems).value();
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0].server_id, "one");
  EXPECT_EQ(servers[1].server_id, "nurl-" + std::string(42, 'B') + "A");
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_TRUE(problems[0].starts_with("servers.nurl: line 1: ")) << problems[0];
  EXPECT_EQ(problems[1], "servers.nurl: nurl-" + std::string(43, 'A') + " is in servers.yaml too, which counts");
}

TEST_F(NodeDirectoryTest, has_a_server_once_that_has_the_same_id_in_both_lists) {
  write("private/servers.yaml", "storage:\n  nurl-" + std::string(43, 'A') +
                                    ":\n    ann:\n      anonymous-storage-NURLs: ['pb://" + std::string(42, 'B') +
                                    "A@host/swissnum#v=1']\n");
  write("private/servers.nurl", kNurl + "\n");
  std::vector<std::string> problems;
  EXPECT_EQ(node().servers(problems).value().size(), 1u);
  EXPECT_EQ(problems.size(), 1u);
}

TEST_F(NodeDirectoryTest, keeps_one_line_in_a_private_file) {
  write("private/x", "");
  ASSERT_TRUE(node().write_private("x", "value\n"));
  EXPECT_EQ(node().read_private("x").value(), "value");
  ASSERT_TRUE(node().write_private("x", "other\n"));
  EXPECT_EQ(node().read_private("x").value(), "other");
  EXPECT_EQ(mode("private/x"), 0600u);
}

TEST(Swissnum, is_160_random_bits_in_base32) {
  SeededRandom random(4);
  const std::string one = make_swissnum(random);
  EXPECT_EQ(one.size(), 32u);
  EXPECT_EQ(base32_decode(one).value().size(), 20u);
  EXPECT_NE(make_swissnum(random), one);
  EXPECT_TRUE(protocol::parse_nurl("pb://" + std::string(43, 'A') + "@host/" + one + "#v=1"));
}

}  // namespace
}  // namespace holdfast::config
