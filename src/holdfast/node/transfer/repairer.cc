#include "holdfast/node/transfer/repairer.h"

#include <algorithm>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/node/transfer/copy_verifier.h"
#include "holdfast/node/transfer/grid_push.h"
#include "holdfast/node/transfer/segment_stream.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kRunBytes = 4 * 1'048'576;

/// Ciphertext from the shares that are left: each segment is verified against the cap as it comes.
class GridSource final : public SegmentSource {
 public:
  GridSource(SegmentFetcher& fetcher, SegmentStream& stream, Progress& progress)
      : fetcher_(fetcher), stream_(stream), progress_(progress) {}

  /// The first ones. Without k shares there is nothing to push, and no server shall be asked for room.
  io::Task<Result<void>> begin() { return fetch(); }

  io::Task<Result<Buffer>> next() override {
    if (ready_.empty()) HF_CO_TRY_VOID(co_await fetch());
    Buffer segment = std::move(ready_.back());
    ready_.pop_back();
    progress_.hashed_bytes += segment.size();
    co_return segment;
  }

  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    HF_CO_TRY(std::vector<Buffer> segments, co_await fetcher_.segments(segment, segment + 1));
    co_return std::move(segments.front());
  }

  /// Every segment has been proven already.
  io::Task<Result<void>> prove() override { co_return Result<void>{}; }

 private:
  io::Task<Result<void>> fetch() {
    HF_CO_TRY(SegmentStream::Run run, co_await stream_.next());
    ready_ = std::move(run.segments);
    std::ranges::reverse(ready_);
    co_return Result<void>{};
  }

  SegmentFetcher& fetcher_;
  SegmentStream& stream_;
  Progress& progress_;
  std::vector<Buffer> ready_;  // in reverse order
};

std::set<std::pair<std::string, ShareNumber>> unusable_copies(const CheckReport& report) {
  std::set<std::pair<std::string, ShareNumber>> out;
  for (const ShareVerdict& each : report.shares) {
    using State = ShareVerdict::State;
    if (each.state == State::corrupt || each.state == State::incompatible) out.insert({each.server, each.share});
  }
  return out;
}

/// A copy that turns up only after the others have been verified (its server was away, or could not read it) is verified as
/// they were: a sample may miss what is wrong with it.
class LateProof {
 public:
  LateProof(const Context& context, Link& link, const cap::ChkVerifyCap& cap, const CheckReport& before)
      : verifier_(context, link, cap, progress_, kCopiesAtOnce) {
    for (const ShareVerdict& each : before.shares) {
      if (each.state == ShareVerdict::State::good) verified_.insert({each.server, each.share});
    }
  }

  io::Task<Result<void>> prove(grid::StorageServer& server, ShareNumber share) {
    if (verified_.contains({server.id(), share})) co_return Result<void>{};
    const Result<void> outcome = co_await verifier_.verify(server, share);
    if (outcome) verified_.insert({server.id(), share});
    co_return outcome;
  }

 private:
  static constexpr std::size_t kCopiesAtOnce = 4;  // bounds the memory
  Progress progress_;                              // nobody's: what is shown counts what is pushed
  CopyVerifier verifier_;
  std::set<std::pair<std::string, ShareNumber>> verified_;
};

/// What was placed is good, also where it could not be read before.
void add_placed(const Pushed& pushed, RepairReport& report) {
  for (const auto& [share, servers] : pushed.placed) {
    for (const grid::StorageServer* server : servers) {
      const auto known = std::ranges::find_if(report.after.shares, [&, of = share](const ShareVerdict& each) {
        return each.share == of && each.server == server->id();
      });
      if (known != report.after.shares.end()) {
        if (known->state == ShareVerdict::State::unknown)
          *known = {known->server, share, ShareVerdict::State::good, ""};
        continue;
      }
      ++report.shares_pushed;
      ShareVerdict& verdict = report.after.shares.emplace_back();
      verdict.server = server->id();
      verdict.share = share;
      verdict.state = ShareVerdict::State::good;
    }
  }
}

/// What was believed to be there when the repair began, and was found wrong by it.
void mark(const UnsoundCopies& copies, ShareVerdict::State state, CheckReport& report) {
  for (ShareVerdict& each : report.shares) {
    const auto found = copies.find({each.server, each.share});
    if (found == copies.end()) continue;
    each.state = state;
    each.reason = found->second;
  }
}

/// The encoding of an open file, pushed wherever shares are missing.
io::Task<Result<void>> push_missing(const Context& context, const cap::ChkVerifyCap& cap, Link& link,
                                    SegmentFetcher& fetcher, SegmentStream& stream, const CheckOptions& options,
                                    Progress& progress, RepairReport& report) {
  const Secret master = crypto::private_upload_master(context.lease_secret, cap.storage_index);
  PushPlan plan{cap.storage_index, master, fetcher.geometry()};
  plan.original = to_bytes(fetcher.file().extension_bytes());
  plan.wishes.happy = 0;
  plan.wishes.patience = options.patience;
  plan.wishes.rejected = unusable_copies(report.before);
  LateProof late(context, link, cap, report.before);
  if (options.verify)
    plan.proof = [&late](grid::StorageServer& server, ShareNumber share) { return late.prove(server, share); };
  GridSource source(fetcher, stream, progress);
  HF_CO_TRY_VOID(co_await source.begin());
  Pushed pushed;
  const Result<void> outcome = co_await push_shares(context, std::move(plan), source, progress, pushed);
  report.warnings = pushed.warnings;
  if (!outcome) {
    if (outcome.error().code == Errc::corrupt) {
      // Nothing could complete, as no tail was ever sent; nor shall the rest lie about.
      static_cast<void>(co_await abort_partials(context, master, cap.storage_index));
    }
    co_return outcome;
  }
  mark(fetcher.unusable(), ShareVerdict::State::unknown, report.after);
  mark(fetcher.unsound(), ShareVerdict::State::corrupt, report.after);
  mark(pushed.unsound, ShareVerdict::State::corrupt, report.after);
  add_placed(pushed, report);
  co_return outcome;
}

}  // namespace

io::Task<Result<RepairReport>> repair(const Context& context, cap::ChkVerifyCap cap, CheckOptions options,
                                      Progress& progress) {
  RepairReport report;
  HF_CO_TRY(report.before, co_await check(context, cap, options, progress));
  report.after = report.before;
  if (report.before.healthy) {
    report.successful = true;
    co_return report;
  }
  report.attempted = true;
  progress = Progress{};
  progress.file_bytes = cap.size;
  Link link(context.loop, context.random, options.patience);
  const immutable::FileClaim claim{cap.ueb_hash, cap.k, cap.n, cap.size};
  SegmentFetcher fetcher(context, link, cap.storage_index, claim, nullptr);
  fetcher.show_on(progress);
  progress.phase = Phase::receiving;
  Result<void> done = co_await fetcher.open();
  if (done) {
    SegmentStream stream(co_await io::this_scope(), fetcher, 0, fetcher.geometry().num_segments(), kRunBytes);
    done = co_await push_missing(context, cap, link, fetcher, stream, options, progress, report);
    co_await stream.close();
  }
  co_await fetcher.close();
  if (!done) co_return tl::make_unexpected(done.error());
  sum_up(report.after);
  report.successful = report.after.healthy;
  progress.phase = Phase::done;
  co_return report;
}

}  // namespace holdfast::transfer
