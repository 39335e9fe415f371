#include "holdfast/node/transfer/downloader.h"

#include <algorithm>

#include "holdfast/core/cap/derive.h"
#include "holdfast/edge/io/locked_file.h"
#include "holdfast/node/transfer/readable_file.h"
#include "holdfast/node/transfer/segment_stream.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kRunBytes = 7 * 1'048'576;  // of plaintext
constexpr unsigned kOwnerOnly = 0600;
constexpr int kRenamesMetMax = 10;  // of a part file by others, between opening and locking it

double seconds_since(io::Time start, io::Loop& loop) {
  return std::chrono::duration<double>(loop.now() - start).count();
}

std::uint64_t received(const Context& context) {
  std::uint64_t sum = 0;
  for (const grid::StorageServer* server : context.servers) sum += server->traffic().body_bytes_received;
  return sum;
}

io::Task<Result<void>> write_run(const immutable::Geometry& geometry, const SegmentStream::Run& run, Range range,
                                 Sink& sink, Progress& progress) {
  SegmentNumber number = run.first;
  for (const Buffer& bytes : run.segments) {
    const Range at = geometry.segment_range(number++);
    const Range cut{std::max(at.begin, range.begin), std::min(at.end, range.end)};
    HF_CO_TRY_VOID(co_await sink.write(ByteView(bytes).subspan(cut.begin - at.begin, cut.size())));
    progress.done_bytes += cut.size();
  }
  co_return Result<void>{};
}

io::Task<Result<void>> write_all(SegmentStream& segments, const immutable::Geometry& geometry, Range range, Sink& sink,
                                 Progress& progress) {
  while (!segments.at_end()) {
    HF_CO_TRY(const SegmentStream::Run run, co_await segments.next());
    HF_CO_TRY_VOID(co_await write_run(geometry, run, range, sink, progress));
  }
  co_return Result<void>{};
}

/// Delivers [range) in order.
io::Task<Result<void>> deliver(SegmentFetcher& fetcher, Range range, Sink& sink, Progress& progress) {
  const immutable::Geometry& geometry = fetcher.geometry();
  const SegmentNumber first = range.begin / geometry.segment_size();
  const SegmentNumber end = (range.end - 1) / geometry.segment_size() + 1;
  SegmentStream segments(co_await io::this_scope(), fetcher, first, end, kRunBytes);
  const Result<void> outcome = co_await write_all(segments, geometry, range, sink, progress);
  co_await segments.close();
  co_return outcome;
}

/// What is asked for, as far as the file goes. Errors: malformed (all of it lies behind the end), those of readable().
Result<Range> wanted_of(const DownloadOptions& options, const cap::Cap& cap) {
  HF_TRY(const std::uint64_t file_bytes, size_of(cap));
  if (!options.range) return Range{0, file_bytes};
  const Range out{options.range->begin, std::min(options.range->end, file_bytes)};
  if (out.begin < out.end) return out;
  return fail(Errc::malformed,
              "the range begins behind the end of the file, which has " + std::to_string(file_bytes) + " bytes");
}

io::Task<Result<void>> write_literal(const cap::LitCap& literal, Range wanted, Sink& sink, DownloadReport& report) {
  if (wanted.empty()) co_return Result<void>{};
  report.bytes_delivered = wanted.size();
  co_return co_await sink.write(ByteView(literal.data).subspan(wanted.begin, wanted.size()));
}

std::string part_path_of(const std::string& path, const std::optional<Range>& range) {
  if (!range) return path + ".part";
  return path + "." + std::to_string(range->begin) + "-" + std::to_string(range->end - 1) + ".part";
}

class FileSink final : public Sink {
 public:
  FileSink(const Context& context, io::File& file, std::uint64_t offset)
      : context_(context), file_(file), at_(offset) {}
  io::Task<Result<void>> write(ByteView bytes) override {
    auto job = [&] { return file_.write(at_, bytes); };
    HF_CO_TRY_VOID(co_await context_.disk.run(job));
    at_ += bytes.size();
    co_return Result<void>{};
  }

 private:
  const Context& context_;
  io::File& file_;
  std::uint64_t at_;
};

/// Proves what the part file, which begins at `wanted.begin` of the file, has of segments that lie whole within `wanted`: of
/// another nothing can be proven. Answers the good ranges of the file.
io::Task<Result<RangeSet>> prove_part(const Context& context, SegmentFetcher& fetcher, io::File& part, Range wanted,
                                      Progress& progress, DownloadReport& report) {
  RangeSet good;
  auto size_job = [&] {
    part.forget_cached();
    return part.info();
  };
  HF_CO_TRY(const io::FileInfo info, co_await context.disk.run(size_job));
  const immutable::Geometry& geometry = fetcher.geometry();
  const std::uint64_t usable = wanted.begin + std::min(info.size, wanted.size());
  const std::uint64_t segment_size = geometry.segment_size();
  const SegmentNumber begin = (wanted.begin + segment_size - 1) / segment_size;
  // The last segment of the file is shorter.
  const SegmentNumber whole_end = wanted.end == geometry.size() ? geometry.num_segments() : wanted.end / segment_size;
  const SegmentNumber count = std::min((usable + segment_size - 1) / segment_size, whole_end);
  if (info.size == 0 || begin >= count) co_return good;
  progress.phase = Phase::verifying_part;
  constexpr SegmentNumber kRun = 64;
  const io::CancelScope& scope = co_await io::this_scope();
  for (SegmentNumber first = begin; first < count; first += kRun) {
    const SegmentNumber end = std::min(first + kRun, count);
    HF_CO_TRY(const std::vector<Hash> hashes, co_await fetcher.segment_hashes(first, end));
    for (SegmentNumber segment = first; segment < end; ++segment) {
      if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
      const Range range = geometry.segment_range(segment);
      auto look = [&]() -> Result<bool> {
        Buffer bytes(range.size());
        const Result<std::size_t> got = part.read(range.begin - wanted.begin, bytes);
        if (!got) return false;  // what a disk cannot read any more is fetched again
        bytes.resize(*got);
        return fetcher.decoder().plaintext_is(segment, std::move(bytes), hashes[segment - first]);
      };
      HF_CO_TRY(const bool right, co_await context.cpu.run(look));
      if (right) {
        good.add(range);
      } else {
        report.bytes_rejected += std::min(range.end, usable) - std::min(range.begin, usable);
      }
      progress.hashed_bytes += range.size();
    }
  }
  co_return good;
}

io::Task<Result<void>> into_part(const Context& context, SegmentFetcher& fetcher, io::File& part, Range wanted,
                                 Progress& progress, DownloadReport& report) {
  HF_CO_TRY_VOID(co_await fetcher.open());
  HF_CO_TRY(const RangeSet good, co_await prove_part(context, fetcher, part, wanted, progress, report));
  report.bytes_skipped = good.total();
  progress.skipped_bytes = progress.done_bytes = good.total();
  progress.phase = Phase::receiving;
  for (const Range& gap : good.gaps(wanted).ranges()) {
    FileSink sink(context, part, gap.begin - wanted.begin);
    HF_CO_TRY_VOID(co_await deliver(fetcher, gap, sink, progress));
  }
  report.bytes_delivered = wanted.size();
  co_return Result<void>{};
}

/// The part file, for this process alone: two that fill the same one would end with a mixture.
Result<std::unique_ptr<io::File>> open_locked(io::FileSystem& files, const std::string& path, io::Open how) {
  for (int met = 0; met < kRenamesMetMax; ++met) {
    HF_TRY(std::unique_ptr<io::File> part, files.open(path, how));
    const Result<void> locked = io::lock_named(files, path, *part);
    if (!locked && locked.error().code == Errc::conflict) break;
    if (!locked && locked.error().code == Errc::not_found) continue;  // who had it has just given it its name
    return part;                                                      // also on a file system that has no locks
  }
  return fail(Errc::conflict, "another `holdfast get` is writing to " + path);
}

struct Part {
  std::unique_ptr<io::File> file;
  std::optional<unsigned> permissions;  // of the file that it replaces, for the end; until then it is its owner's alone
};

Result<void> not_a_directory(const Result<io::FileInfo>& there, const std::string& path) {
  if (there && there->is_directory) return fail(Errc::unsupported, path + " is a directory; name a file");
  return {};
}

/// For its owner alone, as it may be older than what it replaces. Some file systems know no permissions; there it has those of
/// all files.
Result<void> keep_from_others(const std::string& part_path, Part& part) {
  if (part.file->set_permissions(kOwnerOnly)) return {};
  HF_TRY(const io::FileInfo now, part.file->info());
  if ((now.permissions & ~*part.permissions) == 0) return {};
  return fail(Errc::conflict, part_path +
                                  " belongs to somebody else, and is open to those that may not read the file that "
                                  "is to be replaced; remove it");
}

Result<Part> open_part(io::FileSystem& files, const std::string& path, const std::string& part_path) {
  const Result<io::FileInfo> replaced = files.info(path);
  HF_TRY_VOID(not_a_directory(replaced, path));
  Part part;
  HF_TRY(part.file, open_locked(files, part_path, replaced ? io::Open::create_private : io::Open::create));
  if (replaced) {
    part.permissions = replaced->permissions;
    HF_TRY_VOID(keep_from_others(part_path, part));
  }
  return part;
}

/// A file that is whole gets what it is to have in the end.
void give_permissions(const Part& part, const std::string& path, DownloadReport& report) {
  if (!part.permissions) return;
  const Result<io::FileInfo> now = part.file->info();
  if (now && now->permissions == *part.permissions) return;
  if (!part.file->set_permissions(*part.permissions))
    report.warnings.push_back(path + " could not be given the permissions that it had");
}

/// The part file is whole: it becomes the file.
Result<void> give_name(io::FileSystem& files, const std::string& part_path, const std::string& path, Part& part,
                       DownloadReport& report) {
  HF_TRY_VOID(part.file->truncate(report.bytes_delivered));
  HF_TRY_VOID(part.file->sync());
  // Whatever else had that name now would get that of the file.
  const Result<void> named = io::still_named(files, part_path, *part.file);
  if (!named && named.error().code == Errc::not_found)
    return fail(Errc::conflict, part_path + " was moved or replaced while it was written; run the same command again");
  HF_TRY_VOID(named);
  give_permissions(part, path, report);  // no sooner: a part file that may only be read cannot be gone on with
  if (Result<void> renamed = files.rename(part_path, path); !renamed) {
    if (part.permissions) static_cast<void>(part.file->set_permissions(kOwnerOnly));
    return renamed;
  }
  part.file.reset();  // only now: it is locked as long as it has that name
  return files.sync_directory(io::parent_path(path));
}

/// Nobody has a use for it; the file is locked as yet.
void remove_if_empty(io::FileSystem& files, const std::string& path, io::File& file) {
  const Result<io::FileInfo> info = file.info();
  if (info && info->size == 0 && io::still_named(files, path, file)) (void)files.unlink(path);
}

}  // namespace

io::Task<Result<DownloadReport>> download(const Context& context, cap::Cap cap, Sink& sink, DownloadOptions options,
                                          Progress& progress) {
  const io::Time start = context.loop.now();
  const std::uint64_t before = received(context);
  DownloadReport report;
  HF_CO_TRY(const Range wanted, wanted_of(options, cap));
  if (const auto* literal = std::get_if<cap::LitCap>(&cap)) {
    HF_CO_TRY_VOID(co_await write_literal(*literal, wanted, sink, report));
    co_return report;
  }
  HF_CO_TRY(const cap::ChkReadCap read, readable(cap));
  progress.file_bytes = read.size;
  progress.total_bytes = wanted.size();
  progress.phase = Phase::receiving;
  Link link(context.loop, context.random, options.patience);
  SegmentFetcher fetcher(context, link, cap::storage_index_of(read.key), claim_of(read), &read.key);
  fetcher.show_on(progress);
  Result<void> done = co_await fetcher.open();
  if (done) done = co_await deliver(fetcher, wanted, sink, progress);
  co_await fetcher.close();
  if (!done) co_return tl::make_unexpected(done.error());
  report.bytes_delivered = wanted.size();
  report.bytes_fetched = received(context) - before;
  report.cuts = fetcher.cuts();
  report.warnings = fetcher.warnings();
  report.seconds = seconds_since(start, context.loop);
  progress.phase = Phase::done;
  co_return report;
}

Result<void> check_download_file(io::FileSystem& files, const cap::Cap& cap, const std::string& path,
                                 const DownloadOptions& options) {
  HF_TRY_VOID(wanted_of(options, cap));
  return not_a_directory(files.info(path), path);
}

io::Task<Result<DownloadReport>> download_file(const Context& context, cap::Cap cap, std::string path,
                                               DownloadOptions options, Progress& progress) {
  const io::Time start = context.loop.now();
  const std::uint64_t before = received(context);
  HF_CO_TRY(const Range wanted, wanted_of(options, cap));
  const std::string part_path = part_path_of(path, options.range);
  auto open = [&] { return open_part(context.files, path, part_path); };
  HF_CO_TRY(Part part, co_await context.disk.run(open));
  part.file->expect_stream(io::StreamRead::later);
  DownloadReport report;
  Result<void> done;
  if (const auto* literal = std::get_if<cap::LitCap>(&cap)) {
    FileSink sink(context, *part.file, 0);
    done = co_await write_literal(*literal, wanted, sink, report);
  } else {
    HF_CO_TRY(const cap::ChkReadCap read, readable(cap));
    progress.file_bytes = read.size;
    progress.total_bytes = wanted.size();
    Link link(context.loop, context.random, options.patience);
    SegmentFetcher fetcher(context, link, cap::storage_index_of(read.key), claim_of(read), &read.key);
    fetcher.show_on(progress);
    done = co_await into_part(context, fetcher, *part.file, wanted, progress, report);
    co_await fetcher.close();
    report.cuts = fetcher.cuts();
    report.warnings = fetcher.warnings();
  }
  if (!done) {
    auto tidy = [&] { remove_if_empty(context.files, part_path, *part.file); };
    co_await context.disk.run(tidy);
    co_return tl::make_unexpected(done.error());
  }
  auto finish = [&] { return give_name(context.files, part_path, path, part, report); };
  HF_CO_TRY_VOID(co_await context.disk.run(finish));
  report.bytes_fetched = received(context) - before;
  report.seconds = seconds_since(start, context.loop);
  progress.phase = Phase::done;
  co_return report;
}

}  // namespace holdfast::transfer
