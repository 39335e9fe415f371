// holdfast get: a file, or a part of one, from the grid.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/transfer/downloader.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

/// Standard output, which may be a pipe that somebody reads slowly.
class StdoutSink final : public transfer::Sink {
 public:
  explicit StdoutSink(io::WorkerPool& disk) : disk_(disk) {}
  io::Task<Result<void>> write(ByteView bytes) override {
    auto job = [bytes]() -> Result<void> {
      for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t count = ::write(STDOUT_FILENO, bytes.data() + at, bytes.size() - at);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail(Errc::io, "standard output cannot be written to");
        at += static_cast<std::size_t>(count);
      }
      return {};
    };
    co_return co_await disk_.run(job);
  }

 private:
  io::WorkerPool& disk_;
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

Result<std::optional<Range>> parse_wished_range(const std::string& text) {
  if (text.empty()) return std::optional<Range>();
  HF_TRY(const Range range, protocol::parse_range("bytes=" + text));
  return std::optional(range);
}

}  // namespace

io::Task<int> run_get(World& world, GlobalOptions options, GetWishes wishes) {
  auto node = ClientNode::open(world, options.node_directory, {wishes.limit_rate});
  const auto range = parse_wished_range(wishes.range);
  if (!node || !range) {
    fmt::print(stderr, "{}\n", describe(node ? range.error() : node.error()));
    co_return node ? kUsage : kFailed;
  }
  transfer::DownloadOptions download_options;
  download_options.range = *range;
  if (wishes.timeout_seconds) download_options.patience.give_up_after = std::chrono::seconds(*wishes.timeout_seconds);
  const cap::Cap cap = cap::parse_cap(wishes.cap);
  transfer::Progress progress;
  StdoutSink sink(*world.disk);
  Result<transfer::DownloadReport> report = fail(Errc::cancelled, "");
  {
    const ProgressDisplay display(world.loop, progress, wishes.progress);
    if (wishes.output == "-") {
      report = co_await transfer::download((*node)->context(), cap, sink, download_options, progress);
    } else {
      report = co_await transfer::download_file((*node)->context(), cap, wishes.output, download_options, progress);
    }
  }
  if (!report) {
    if (report.error().code == Errc::cancelled) {
      fmt::print(stderr, "stopped; what was received is kept. The same command goes on.\n");
    } else {
      fmt::print(stderr, "{}\n", describe(report.error()));
    }
    co_return exit_code_of(report.error().code);
  }
  if (options.json)
    std::fprintf(wishes.output == "-" ? stderr : stdout, "%s\n", json::serialize(to_json(*report)).c_str());
  if (wishes.progress != "none") {
    fmt::print(stderr, "{} verified in {}", format_bytes(report->bytes_delivered), format_seconds(report->seconds));
    if (report->bytes_skipped > 0)
      fmt::print(stderr, ", {} of them from the part file", format_bytes(report->bytes_skipped));
    if (report->bytes_rejected > 0)
      fmt::print(stderr, ", {} of the part file were wrong and fetched again", format_bytes(report->bytes_rejected));
    fmt::print(stderr, "\n");
    for (const std::string& warning : report->warnings) fmt::print(stderr, "warning: {}\n", warning);
  }
  co_return kDone;
}

}  // namespace holdfast::cli
