#include "holdfast/cli/spool.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "holdfast/core/base/base32.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kPrefix = "stdin-";
constexpr std::size_t kChunkBytes = 1'048'576;
constexpr int kPollMilliseconds = 200;  // so that a stop is seen while nothing comes

/// Some bytes, none at the end, nothing when none came yet.
Result<std::optional<std::size_t>> read_some(MutableByteView out) {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  if (::poll(&in, 1, kPollMilliseconds) == 0) return std::optional<std::size_t>();
  const ssize_t count = ::read(STDIN_FILENO, out.data(), out.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return std::optional<std::size_t>();
  if (count < 0) return fail(Errc::io, "standard input cannot be read");
  return std::optional<std::size_t>(static_cast<std::size_t>(count));
}

io::Task<Result<void>> copy_to(World& world, io::File& file) {
  io::CancelScope& scope = co_await io::this_scope();
  Bytes buffer(kChunkBytes);
  std::uint64_t at = 0;
  for (bool more = true; more;) {
    if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
    auto step = [&]() -> Result<bool> {
      HF_TRY(const std::optional<std::size_t> count, read_some(buffer));
      if (!count) return true;
      HF_TRY_VOID(file.write(at, ByteView(buffer).first(*count)));
      at += *count;
      return *count > 0;
    };
    HF_CO_TRY(more, co_await world.disk->run(step));
  }
  auto sync = [&] { return file.sync(); };
  co_return co_await world.disk->run(sync);
}

}  // namespace

io::Task<Result<std::string>> spool_standard_input(World& world, std::string directory) {
  Bytes id(10);
  world.random.fill(id);
  const std::string path = directory + "/" + std::string(kPrefix) + base32_encode(id);
  HF_CO_TRY_VOID(io::make_lasting_directory(world.files, directory));
  HF_CO_TRY(const std::unique_ptr<io::File> file, world.files.open(path, io::Open::create_private));
  Result<void> copied = co_await copy_to(world, *file);
  if (copied) copied = world.files.sync_directory(directory);
  if (!copied) {
    static_cast<void>(world.files.unlink(path));
    co_return tl::make_unexpected(copied.error());
  }
  co_return path;
}

bool is_spool(const std::string& path) {
  return path.substr(path.rfind('/') + 1).starts_with(kPrefix);
}

void clean_spools(io::FileSystem& files, const std::string& directory,
                  const std::vector<transfer::UnfinishedUpload>& uploads) {
  const auto entries = files.list(directory);
  if (!entries) return;
  for (const io::FileSystem::Entry& entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    const bool wanted = std::ranges::any_of(uploads, [&](const auto& each) {
      return each.journal && each.source_unchanged && each.journal->source.path == path;
    });
    if (is_spool(path) && !wanted) static_cast<void>(files.unlink(path));
  }
}

}  // namespace holdfast::cli
