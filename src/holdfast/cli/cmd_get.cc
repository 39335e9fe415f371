// holdfast get: a file, or a part of one, from the grid.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/transfer/downloader.h"
#include "holdfast/node/transfer/readable_file.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

constexpr int kLinksMax = 40;  // as many as Linux follows

/// Where -o leads. A file is replaced when the new one is whole, and is the one that a symbolic link names; what is
/// no file (a pipe, /dev/null) must not be replaced, and is written to as the standard output is.
class Output {
 public:
  static Result<Output> at(const std::string& wish) {
    Output out;
    out.path_ = wish;
    struct stat there {};
    if (wish == "-") {
      out.stream_ = STDOUT_FILENO;
      const bool pipe = ::fstat(STDOUT_FILENO, &there) == 0 && S_ISFIFO(there.st_mode);
      // It must not block, as whoever does not read could not be left alone; others share the one that we were given.
      const int own = pipe ? ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
      if (own >= 0) out.stream_ = own;
      return out;
    }
    const bool exists = ::stat(wish.c_str(), &there) == 0;
    if (exists && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
      out.stream_ = ::open(wish.c_str(), O_WRONLY | O_CLOEXEC);
      if (out.stream_ < 0) return fail(Errc::io, "cannot open " + wish + ": " + std::generic_category().message(errno));
      if (S_ISFIFO(there.st_mode)) static_cast<void>(::fcntl(out.stream_, F_SETFL, O_NONBLOCK));
      return out;
    }
    std::filesystem::path real = wish;
    std::error_code problem;
    for (int hops = 0; hops < kLinksMax && std::filesystem::is_symlink(real, problem); ++hops)
      real = real.parent_path() / std::filesystem::read_symlink(real, problem);  // what it names need not exist
    out.path_ = real;
    return out;
  }

  bool is_stream() const { return stream_ >= 0; }
  int stream() const { return stream_; }
  const std::string& path() const { return path_; }
  std::string name() const { return path_ == "-" ? "standard output" : path_; }

 private:
  std::string path_;
  int stream_ = -1;  // until the end of the process
};

/// Standard output, a pipe or a device, which somebody may read slowly.
class StreamSink final : public transfer::Sink {
 public:
  StreamSink(io::WorkerPool& disk, const Output& output) : disk_(disk), output_(output) {}
  io::Task<Result<void>> write(ByteView bytes) override {
    const io::CancelScope& scope = co_await io::this_scope();
    for (std::size_t at = 0; at < bytes.size();) {
      if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
      auto job = [&] { return write_some(bytes.subspan(at)); };
      HF_CO_TRY(const std::size_t count, co_await disk_.run(job));
      at += count;
    }
    co_return Result<void>{};
  }

 private:
  /// What is taken now; nothing after a moment's wait for whoever reads.
  Result<std::size_t> write_some(ByteView bytes) const {
    const ssize_t count = ::write(output_.stream(), bytes.data(), bytes.size());
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
      return fail(Errc::io, output_.name() + " cannot be written to: " + std::generic_category().message(errno));
    pollfd reader{output_.stream(), POLLOUT, 0};
    static_cast<void>(::poll(&reader, 1, kReaderWaitMilliseconds));
    return std::size_t{0};
  }

  static constexpr int kReaderWaitMilliseconds = 100;
  io::WorkerPool& disk_;
  const Output& output_;
};

json::object to_json(const transfer::DownloadReport& report) {
  json::array warnings;
  for (const auto& warning : report.warnings) warnings.push_back(json::string(warning));
  return {{"bytes_delivered", report.bytes_delivered},
          {"bytes_fetched", report.bytes_fetched},
          {"bytes_skipped", report.bytes_skipped},
          {"bytes_rejected", report.bytes_rejected},
          {"cuts", report.cuts},
          {"warnings", std::move(warnings)},
          {"seconds", report.seconds}};
}

/// "A-B", both inclusive, and as curl has it "A-" and "-N", the last N bytes. One that begins behind the end is the
/// download's to refuse, which says how long the file is.
Result<std::optional<Range>> parse_wished_range(const std::string& text, std::uint64_t file_bytes) {
  if (text.empty()) return std::optional<Range>();
  std::optional<Range> out;
  if (text.starts_with('-')) {
    const auto last = protocol::parse_decimal(std::string_view(text).substr(1));
    if (last.value_or(0) > 0) out = Range{file_bytes - std::min(*last, file_bytes), file_bytes};
  } else if (text.ends_with('-')) {
    const auto first = protocol::parse_decimal(std::string_view(text).substr(0, text.size() - 1));
    if (first && *first < std::numeric_limits<std::uint64_t>::max()) out = Range{*first, file_bytes};
  } else if (const auto both = protocol::parse_range("bytes=" + text)) {
    out = *both;
  }
  if (!out) return fail(Errc::malformed, "--range takes A-B (first and last byte), A- (from A on) or -N (the last N)");
  out->end = std::max(out->begin + 1, out->end);
  return out;
}

}  // namespace

io::Task<int> run_get(World& world, GlobalOptions options, GetWishes wishes) {
  auto node = ClientNode::open(world, options.node_directory, {wishes.line.limit_rate});
  const cap::Cap cap = cap::parse_cap(wishes.cap);
  const auto range =
      parse_wished_range(wishes.range, transfer::size_of(cap).value_or(0));  // 0: no file that could be had
  if (!node || !range) {
    say(stderr, "{}\n", describe(node ? range.error() : node.error()));
    co_return node ? kUsage : kFailed;
  }
  transfer::DownloadOptions download_options;
  download_options.range = *range;
  if (wishes.line.timeout_seconds)
    download_options.patience.give_up_after = std::chrono::seconds(*wishes.line.timeout_seconds);
  const Result<Output> output = Output::at(wishes.output);
  if (!output) {
    say(stderr, "{}\n", describe(output.error()));
    co_return kFailed;
  }
  if (wishes.line.window && output->is_stream()) {
    say(stderr, "holdfast: --window wants a file: what went to {} cannot be gone on with the next day\n",
        output->name());
    co_return kUsage;
  }
  // What no server is needed for is said before the window opens.
  const bool to_file = !output->is_stream();
  const auto possible =
      to_file ? transfer::check_download_file(world.files, cap, output->path(), download_options) : Result<void>();
  if (!possible) {
    say(stderr, "{}\n", describe(possible.error()));
    co_return exit_code_of(possible.error().code);
  }
  transfer::Progress progress;
  StreamSink sink(*world.disk, *output);
  Result<transfer::DownloadReport> report = fail(Errc::cancelled, "");
  {
    const ProgressDisplay display(world.loop, progress, wishes.line.progress);
    if (output->is_stream()) {
      report = co_await transfer::download((*node)->context(), cap, sink, download_options, progress);
    } else {
      const auto& window = wishes.line.window;
      const transfer::Context& context = (*node)->context();
      std::function work = [&](const transfer::WindowGuard&) {
        return transfer::download_file(context, cap, output->path(), download_options, progress);
      };
      if (window && !std::holds_alternative<cap::LitCap>(cap)) {
        report = co_await transfer::while_open(*window, std::move(work), progress);
      } else {
        report = co_await transfer::download_file(context, cap, output->path(), download_options, progress);
      }
    }
  }
  if (!report) {
    if (report.error().code == Errc::cancelled) {
      say(stderr, "{}\n",
          output->is_stream() ? "stopped before the end"
                              : "stopped; what was received is kept. The same command goes on.");
    } else {
      say(stderr, "{}\n", describe(report.error()));
    }
    co_return exit_code_of(report.error().code);
  }
  if (options.json)
    std::fprintf(wishes.output == "-" ? stderr : stdout, "%s\n", json::serialize(to_json(*report)).c_str());
  if (wishes.line.progress != "none") {
    say(stderr, "{} verified in {}", format_bytes(report->bytes_delivered), format_seconds(report->seconds));
    if (report->bytes_skipped > 0) say(stderr, ", {} of them from the part file", format_bytes(report->bytes_skipped));
    if (report->bytes_rejected > 0)
      say(stderr, ", {} of the part file were wrong and fetched again", format_bytes(report->bytes_rejected));
    say(stderr, "\n");
  }
  for (const std::string& warning : report->warnings) say(stderr, "warning: {}\n", warning);
  co_return kDone;
}

}  // namespace holdfast::cli
