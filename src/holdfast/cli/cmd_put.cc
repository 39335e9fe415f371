// holdfast put: files to the grid. The cap goes to stdout, everything else to stderr.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <set>
#include <span>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/put_report.h"
#include "holdfast/cli/say.h"
#include "holdfast/cli/spool.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::cli {
namespace {

transfer::UploadOptions options_of(const ClientNode& node, const PutWishes& wishes) {
  transfer::UploadOptions out;
  out.k = wishes.k.value_or(node.config().shares_needed);
  out.happy = wishes.happy.value_or(node.config().shares_happy);
  out.n = wishes.n.value_or(node.config().shares_total);
  out.segment_bytes_max = wishes.segment_bytes;
  if (wishes.random_key) out.key_mode = transfer::KeyMode::random;
  if (wishes.prove == "sample") out.proof = transfer::Proof::sample;
  if (wishes.line.timeout_seconds) out.patience.give_up_after = std::chrono::seconds(*wishes.line.timeout_seconds);
  return out;
}

/// Where the line may be used at some time of the day only.
struct Night {
  const transfer::WindowGuard* window = nullptr;

  /// It has ended when enough was stored and not all: the rest has its turn in the next one.
  bool leaves(const transfer::UploadReport& stored) const {
    return window != nullptr && window->closed() && stored.shares_placed < stored.shares_total;
  }
};

/// As long as it may, and the next night again.
io::Task<Result<transfer::UploadReport>> upload_in_window(const transfer::Context& context, const LineWishes& line,
                                                          std::string path, transfer::UploadOptions upload,
                                                          transfer::Progress& progress, Night& night) {
  if (!line.window) co_return co_await transfer::upload_file(context, path, upload, progress);
  std::function work = [&](const transfer::WindowGuard& window) {
    night.window = &window;
    return transfer::upload_file(context, path, upload, progress);
  };
  std::function unfinished = [&night](const transfer::UploadReport& stored) { return night.leaves(stored); };
  co_return co_await transfer::while_open(*line.window, std::move(work), progress, std::move(unfinished));
}

/// The whole path of what is to be put. Errors: io and not_found, when there is no such path; malformed for what cannot be
/// read twice.
Result<std::string> source_path(const std::string& file) {
  std::error_code problem;
  const std::filesystem::path absolute = std::filesystem::absolute(file, problem);
  if (file.empty()) return fail(Errc::io, "\"\" is no name of a file");
  if (problem) return fail(Errc::io, file + ": there is no working directory: " + problem.message());
  const std::filesystem::file_status there = std::filesystem::status(absolute, problem);
  if (there.type() == std::filesystem::file_type::not_found)
    return fail(Errc::not_found, "cannot open " + absolute.string() + ": No such file or directory");
  if (std::filesystem::is_fifo(there))
    return fail(Errc::malformed, file + " is a pipe, and a file is read twice; use `cmd | holdfast put -`");
  if (std::filesystem::is_other(there)) return fail(Errc::malformed, file + " is no regular file");
  return absolute.lexically_normal().string();
}

io::Task<int> put_one(World& world, ClientNode& node, std::string path, const GlobalOptions& options,
                      const PutWishes& wishes) {
  transfer::Progress progress;
  transfer::UploadOptions upload = options_of(node, wishes);
  const Result<std::string> absolute = source_path(path);
  if (!absolute) co_return print_failure(node, absolute.error(), path);
  bool handed_over = true;
  Night night;
  std::string told;
  if (!options.json) {
    upload.on_proven = [&](const std::string& cap) {
      if (std::exchange(told, cap) != cap) handed_over = hand_over_for_good(cap);  // not once a day
    };
  }
  upload.on_stored = [&](const transfer::UploadReport& stored) {
    if (night.leaves(stored)) return false;
    if (options.json) handed_over = hand_over_for_good(json_of(stored));
    return handed_over;
  };
  Result<transfer::UploadReport> report = fail(Errc::cancelled, "");
  Result<transfer::UploadPlan> plan = fail(Errc::cancelled, "");
  {
    const ProgressDisplay display(world.loop, progress, wishes.line.progress);
    if (wishes.plan) {
      plan = co_await transfer::plan_upload(node.context(), *absolute, upload, progress);
    } else {
      report = co_await upload_in_window(node.context(), wishes.line, *absolute, upload, progress, night);
    }
  }
  if (wishes.plan && !plan) {
    say(stderr, "{}\n", plan.error().code == Errc::cancelled ? "stopped" : describe(plan.error()));
    co_return exit_code_of(plan.error().code);
  }
  if (wishes.plan) co_return print_plan(*plan, options.json);
  if (report) {
    if (wishes.line.progress != "none") print_summary(*report);
    for (const std::string& warning : report->warnings) say(stderr, "warning: {}\n", warning);
    co_return handed_over ? kDone : print_not_handed_over(node, path);
  }
  co_return print_failure(node, report.error(), path);
}

/// Standard input goes through a spool, which stays only while it is needed to go on.
io::Task<int> put_standard_input(World& world, ClientNode& node, const GlobalOptions& options,
                                 const PutWishes& wishes) {
  const transfer::UploadOptions upload = options_of(node, wishes);
  const Result<NewSpool> spool = co_await spool_standard_input(world, node.directory().transfers(), upload);
  if (!spool) {
    say(stderr, "{}\n",
        spool.error().code == Errc::cancelled ? "stopped; nothing was uploaded" : describe(spool.error()));
    co_return exit_code_of(spool.error().code);
  }
  const int code = co_await put_one(world, node, spool->path, options, wishes);
  if (code == kDone || wishes.plan) static_cast<void>(world.files.unlink(spool->path));
  co_return code;
}

constexpr std::uint64_t kSmallBytes = 262'144;  // up to here it is the round trips that cost, not the bytes
constexpr std::size_t kSmallAtOnce = 16;

/// How many files from the first on are small regular files.
std::size_t count_small(std::span<const std::string> files) {
  std::size_t count = 0;
  for (const std::string& file : files) {
    std::error_code problem;
    const bool regular = file != "-" && std::filesystem::is_regular_file(file, problem);
    if (!regular || std::filesystem::file_size(file, problem) > kSmallBytes || problem) break;
    ++count;
  }
  return count;
}

/// Many small files, several at once; what is printed keeps their order.
class SmallFiles {
 public:
  SmallFiles(World& world, ClientNode& node, const GlobalOptions& options, const PutWishes& wishes,
             std::span<const std::string> files)
      : world_(world), node_(node), options_(options), wishes_(wishes), files_(files), reports_(files.size()) {
    for (const std::string& file : files) sizes_.push_back(size_of(file));
    progress_.total_bytes = std::accumulate(sizes_.begin(), sizes_.end(), std::uint64_t{0});
  }

  io::Task<int> run() {
    {
      const ProgressDisplay display(world_.loop, progress_, wishes_.line.progress, [this] { refresh(); });
      progress_.phase = transfer::Phase::sending;
      io::TaskGroup group(co_await io::this_scope());
      for (std::size_t i = 0; i < kSmallAtOnce; ++i) group.spawn(put_in_turn());
      co_await group.join();
    }
    print_finished();
    co_return worst_;
  }

 private:
  io::Task<void> put_in_turn() {
    const io::CancelScope& scope = co_await io::this_scope();
    while (next_ < files_.size()) {
      const std::size_t i = next_++;
      if (scope.cancelled()) {
        reports_[i] = fail(Errc::cancelled, "stopped");
      } else {
        co_await put(i);
      }
    }
  }

  io::Task<void> put(std::size_t i) {
    transfer::Progress own;
    running_.insert(&own);
    const Result<std::string> path = source_path(files_[i]);
    if (path) {
      Night night;
      reports_[i] =
          co_await upload_in_window(node_.context(), wishes_.line, *path, options_of(node_, wishes_), own, night);
    } else {
      reports_[i] = tl::make_unexpected(path.error());
    }
    running_.erase(&own);
    ++ended_;
    if (*reports_[i]) {
      ++stored_;
      progress_.done_bytes += sizes_[i];
    }
    print_finished();
  }

  static std::uint64_t size_of(const std::string& file) {
    std::error_code problem;
    const std::uintmax_t size = std::filesystem::file_size(file, problem);
    return problem ? 0 : size;
  }

  /// One line for all of them.
  void refresh() {
    const auto each_one = [this](auto&& is) { return !running_.empty() && std::ranges::all_of(running_, is); };
    progress_.waiting_for_link = each_one([](const auto* own) { return own->waiting_for_link; });
    const bool last_ones = ended_ + running_.size() == files_.size();
    progress_.enough = last_ones && each_one([](const auto* own) { return own->enough; });
    progress_.shares_placed = progress_.shares_total = 0;
    for (const transfer::Progress* own : running_) {
      progress_.shares_placed += progress_.enough ? own->shares_placed : 0;
      progress_.shares_total += progress_.enough ? own->shares_total : 0;
    }
    progress_.note = fmt::format("{} of {} files", stored_, files_.size());
    const std::string of_each = running_.empty() ? "" : (*running_.begin())->note;
    if (!of_each.empty() && each_one([&](const auto* own) { return own->note == of_each; }))
      progress_.note += ", " + of_each;
  }

  /// Those at the front that have ended. Nothing of them is kept: there may be very many.
  void print_finished() {
    for (; printed_ < files_.size() && reports_[printed_]; ++printed_) {
      const Result<transfer::UploadReport> report = *std::exchange(reports_[printed_], std::nullopt);
      if (!report) {
        const bool told = report.error().code == Errc::cancelled && worst_ == kInterrupted;
        worst_ = std::max(worst_, told ? kInterrupted : print_failure(node_, report.error(), files_[printed_]));
        continue;
      }
      if (!hand_over(options_.json ? json_of(*report) : report->cap))
        worst_ = std::max(worst_, print_not_handed_over(node_, files_[printed_]));
      for (const std::string& warning : report->warnings) say(stderr, "warning: {}: {}\n", files_[printed_], warning);
    }
  }

  World& world_;
  ClientNode& node_;
  const GlobalOptions& options_;
  const PutWishes& wishes_;
  const std::span<const std::string> files_;
  std::vector<std::optional<Result<transfer::UploadReport>>> reports_;
  std::vector<std::uint64_t> sizes_;
  std::set<const transfer::Progress*> running_;
  transfer::Progress progress_;  // of all of them; its bytes are those of files that are stored
  std::size_t next_ = 0, ended_ = 0, stored_ = 0, printed_ = 0;
  int worst_ = kDone;
};

}  // namespace

io::Task<int> run_put(World& world, GlobalOptions options, PutWishes wishes) {
  if (std::ranges::count(wishes.files, "-") > 1) {
    say(stderr, "holdfast: standard input can be put once; - is named twice\n");
    co_return kUsage;
  }
  if (wishes.plan && wishes.line.window) {
    say(stderr, "holdfast: --plan asks the servers now; leave --window out\n");
    co_return kUsage;
  }
  auto node = ClientNode::open(world, options.node_directory, {wishes.line.limit_rate, wishes.helper});
  if (!node) {
    say(stderr, "{}\n", describe(node.error()));
    co_return kFailed;
  }
  // Before standard input is read, which takes long and cannot be done again.
  const transfer::UploadOptions upload = options_of(**node, wishes);
  if (const auto sound = transfer::check_options(upload); !sound) {
    say(stderr, "{}; here k is {}, happy {}, N {}\n", describe(sound.error()), upload.k, upload.happy, upload.n);
    const bool said_now = wishes.k || wishes.happy || wishes.n;  // else it is tahoe.cfg that is wrong
    co_return said_now ? kUsage : exit_code_of(sound.error().code);
  }
  int worst = kDone;
  for (std::size_t at = 0; at < wishes.files.size();) {
    const std::string& file = wishes.files[at];
    // One at a time with a random key: until its cap is written, the journal must not go.
    const std::size_t small = wishes.plan || wishes.random_key ? 0 : count_small(std::span(wishes.files).subspan(at));
    int code = kDone;
    if (small > 1) {
      SmallFiles batch(world, **node, options, wishes, std::span(wishes.files).subspan(at, small));
      code = co_await batch.run();
    } else if (file == "-") {
      code = co_await put_standard_input(world, **node, options, wishes);
    } else {
      code = co_await put_one(world, **node, file, options, wishes);
    }
    worst = std::max(worst, code);
    if (code == kInterrupted) break;
    at += std::max<std::size_t>(1, small);
  }
  co_return worst;
}

io::Task<int> resume_put(World& world, ClientNode& node, const GlobalOptions& options, std::string path,
                         const transfer::UploadOptions& begun, std::optional<std::string> prove, LineWishes line) {
  PutWishes wishes;
  wishes.k = begun.k;
  wishes.happy = begun.happy;
  wishes.n = begun.n;
  wishes.segment_bytes = begun.segment_bytes_max;
  wishes.random_key = begun.key_mode == transfer::KeyMode::random;
  wishes.prove = prove ? std::move(*prove) : std::string(transfer::to_string(begun.proof));
  wishes.line = std::move(line);
  co_return co_await put_one(world, node, std::move(path), options, wishes);
}

}  // namespace holdfast::cli
