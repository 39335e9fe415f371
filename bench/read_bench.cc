// Random reads of 4 KiB from a file that stays open, so many at once. Each is proven: it fetches and hashes the whole segment
// that it lies in. Prints JSON. usage: read_bench CLIENT_DIRECTORY CAP SECONDS READERS
#include <sys/resource.h>

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "holdfast/cli/world.h"
#include "holdfast/core/base/allocator.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/node/transfer/segment_fetcher.h"

namespace {

using namespace holdfast;

constexpr std::uint64_t kReadBytes = 4096;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(io::Time start, io::Loop& loop) {
  return std::chrono::duration<double>(loop.now() - start).count();
}

struct Reader {
  std::uint64_t seed = 0;
  std::vector<double> took;  // seconds, of each read
  Result<void> outcome;
};

io::Task<void> keep_reading(io::Loop* loop, transfer::SegmentFetcher* fetcher, io::Time until, Reader* reader) {
  std::mt19937_64 random(reader->seed);
  const immutable::Geometry& geometry = fetcher->geometry();
  while (loop->now() < until) {
    const std::uint64_t begin = random() % (geometry.size() / kReadBytes) * kReadBytes;
    const SegmentNumber first = begin / geometry.segment_size();
    const SegmentNumber last = (begin + kReadBytes - 1) / geometry.segment_size();
    const io::Time start = loop->now();
    const Result<std::vector<Buffer>> segments = co_await fetcher->segments(first, last + 1);
    if (!segments) {
      reader->outcome = tl::make_unexpected(segments.error());
      co_return;
    }
    reader->took.push_back(seconds_since(start, *loop));
  }
}

void print(std::vector<double> took, double wall, double cpu, std::uint64_t segment_bytes) {
  std::ranges::sort(took);
  const auto count = static_cast<double>(took.size());
  const boost::json::object out{{"segment_bytes", segment_bytes},
                                {"reads_per_second", count / wall},
                                {"median_ms", took[took.size() / 2] * 1000},
                                {"p99_ms", took[took.size() * 99 / 100] * 1000},
                                {"client_cpu_ms_per_read", cpu * 1000 / count}};
  std::printf("%s\n", boost::json::serialize(out).c_str());
}

io::Task<Result<void>> measure(const transfer::Context& context, cap::ChkReadCap cap, double seconds,
                               std::size_t readers) {
  transfer::Link link(context.loop, context.random, {});
  const immutable::FileClaim claim{cap.ueb_hash, cap.k, cap.n, cap.size};
  transfer::SegmentFetcher fetcher(context, link, cap::storage_index_of(cap.key), claim, &cap.key);
  Result<void> outcome = co_await fetcher.open();
  if (outcome) {
    const double cpu_before = cpu_seconds();
    const io::Time start = context.loop.now();
    const io::Time until = start + std::chrono::duration_cast<io::Duration>(std::chrono::duration<double>(seconds));
    std::vector<Reader> all(readers);
    io::TaskGroup group(co_await io::this_scope());
    for (Reader& reader : all) {
      reader.seed = static_cast<std::uint64_t>(&reader - all.data());
      group.spawn(keep_reading(&context.loop, &fetcher, until, &reader));
    }
    co_await group.join();
    const double wall = seconds_since(start, context.loop), cpu = cpu_seconds() - cpu_before;
    std::vector<double> took;
    for (const Reader& reader : all) {
      took.insert(took.end(), reader.took.begin(), reader.took.end());
      if (!reader.outcome) outcome = reader.outcome;
    }
    if (outcome && !took.empty()) print(std::move(took), wall, cpu, fetcher.geometry().segment_size());
  }
  co_await fetcher.close();
  co_return outcome;
}

io::Task<int> run(cli::World& world, std::string directory, std::string text, double seconds, std::size_t readers) {
  const auto node = cli::ClientNode::open(world, directory, {});
  const cap::Cap cap = cap::parse_cap(text);
  const auto* read = std::get_if<cap::ChkReadCap>(&cap);
  Result<void> outcome = fail(Errc::malformed, "the read cap of a file that is not literal is needed");
  if (!node) {
    outcome = tl::make_unexpected(node.error());
  } else if (read != nullptr && read->size >= kReadBytes) {
    outcome = co_await measure((*node)->context(), *read, seconds, readers);
  }
  if (!outcome) std::fprintf(stderr, "%s\n", cli::describe(outcome.error()).c_str());
  co_return outcome ? cli::kDone : cli::kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: read_bench CLIENT_DIRECTORY CAP SECONDS READERS\n");
    return cli::kUsage;
  }
  holdfast::keep_freed_memory();
  std::signal(SIGPIPE, SIG_IGN);
  cli::World world;
  world.log = io::make_standard_log(io::LogLevel::warning);
  world.cpu = io::make_thread_pool(world.loop, std::max(2u, std::thread::hardware_concurrency()));
  world.disk = io::make_thread_pool(world.loop, 4);
  return cli::run_task(world, run(world, argv[1], argv[2], std::atof(argv[3]), std::strtoul(argv[4], nullptr, 10)));
}
