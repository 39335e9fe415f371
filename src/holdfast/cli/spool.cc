#include "holdfast/cli/spool.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "holdfast/core/base/base32.h"
#include "holdfast/edge/io/locked_file.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kPrefix = "stdin-";
constexpr std::string_view kPartSuffix = ".part";  // its end has not come yet
constexpr std::size_t kIdBytes = 10;
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

std::string name_of(std::string_view id, const transfer::UploadOptions& options) {
  return fmt::format("{}{},{},{},{},{},{},{}", kPrefix, id, options.k, options.happy, options.n,
                     options.segment_bytes_max, options.key_mode == transfer::KeyMode::random ? "random" : "convergent",
                     transfer::to_string(options.proof));
}

/// Takes what is before the next comma.
std::string_view next_field(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(','), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

/// 0 for what is no number: then the name is not the one that is made of it.
template <class Number>
void read_number(std::string_view field, Number& out) {
  if (std::from_chars(field.data(), field.data() + field.size(), out).ec != std::errc()) out = 0;
}

/// Nothing for any name that name_of would not make.
std::optional<transfer::UploadOptions> options_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = name.substr(kPrefix.size());
  const std::string_view id = next_field(rest);
  transfer::UploadOptions out;
  read_number(next_field(rest), out.k);
  read_number(next_field(rest), out.happy);
  read_number(next_field(rest), out.n);
  read_number(next_field(rest), out.segment_bytes_max);
  if (next_field(rest) == "random") out.key_mode = transfer::KeyMode::random;
  if (next_field(rest) == "sample") out.proof = transfer::Proof::sample;
  const Result<Bytes> random = base32_decode(id);
  if (!random || random->size() != kIdBytes || name_of(id, out) != name) return std::nullopt;
  return out;
}

bool is_part(std::string_view name) {
  return name.ends_with(kPartSuffix) && options_of(name.substr(0, name.size() - kPartSuffix.size()));
}

std::string canonical(const std::string& path) {
  std::error_code problem;
  const std::filesystem::path out = std::filesystem::weakly_canonical(path, problem);
  return problem ? path : out.string();
}

}  // namespace

Result<HeldSpool> hold_spool(io::FileSystem& files, const std::string& path) {
  HF_TRY(HeldSpool file, files.open(path, io::Open::read));
  HF_TRY_VOID(io::lock_named(files, path, *file));
  return file;
}

io::Task<Result<NewSpool>> spool_standard_input(World& world, std::string directory, transfer::UploadOptions options) {
  Bytes id(kIdBytes);
  world.random.fill(id);
  HF_CO_TRY_VOID(io::make_lasting_directory(world.files, directory));
  NewSpool out;
  out.path = canonical(directory) + "/" + name_of(base32_encode(id), options);
  const std::string part = out.path + std::string(kPartSuffix);
  HF_CO_TRY(out.held, world.files.open(part, io::Open::create_private));
  HF_CO_TRY_VOID(io::lock_named(world.files, part, *out.held));
  Result<void> spooled = co_await copy_to(world, *out.held);
  if (spooled) spooled = world.files.rename(part, out.path);
  if (spooled) spooled = world.files.sync_directory(directory);
  if (!spooled) {
    static_cast<void>(world.files.unlink(part));
    static_cast<void>(world.files.unlink(out.path));
    co_return tl::make_unexpected(spooled.error());
  }
  co_return out;
}

bool is_spool(const std::string& directory, const std::string& path) {
  return options_of(io::file_name(path)) && canonical(io::parent_path(path)) == canonical(directory);
}

Result<std::vector<Spool>> list_spools(io::FileSystem& files, const std::string& directory) {
  std::vector<Spool> out;
  const auto entries = files.list(directory);
  if (!entries && entries.error().code == Errc::not_found) return out;
  if (!entries) return tl::make_unexpected(entries.error());
  for (const io::FileSystem::Entry& entry : *entries) {
    const std::optional<transfer::UploadOptions> options = options_of(entry.name);
    if (!options || entry.is_directory) continue;
    Spool spool{canonical(directory) + "/" + entry.name, *options};
    const Result<io::FileInfo> info = files.info(spool.path);
    if (!info) continue;  // just stored
    spool.bytes = info->size;
    spool.whole_wall_seconds = info->mtime_ns / 1'000'000'000;
    out.push_back(std::move(spool));
  }
  return out;
}

void clean_spools(io::FileSystem& files, const std::string& directory) {
  const auto entries = files.list(directory);
  if (!entries) return;
  for (const io::FileSystem::Entry& entry : *entries) {
    if (!is_part(entry.name)) continue;
    const std::string path = io::join_path(directory, entry.name);
    const Result<HeldSpool> held = hold_spool(files, path);
    if (held) static_cast<void>(files.unlink(path));
  }
}

}  // namespace holdfast::cli
