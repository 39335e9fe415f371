// A file on the grid that clients of the gateway read: opened once, fetched once, whoever reads.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "holdfast/core/cap/cap.h"
#include "holdfast/node/gateway/shared_state.h"
#include "holdfast/node/transfer/segment_fetcher.h"

namespace holdfast::gateway {

/// Names a file whatever its cap can do, and does not tell the key: the hash of its verify cap.
Hash file_id_of(const cap::ChkReadCap& cap);

/// Segments that are fetched together. Readers that want any of them join; when the last one leaves before it has come,
/// it is not fetched any more.
struct Run {
  Run(SharedState& shared, SegmentNumber the_first, SegmentNumber the_end, std::uint64_t held_bytes)
      : first(the_first),
        end(the_end),
        held(held_bytes),
        asked(shared.context.loop.now()),
        moved(shared.context.loop),
        shared_(shared) {}
  ~Run() { shared_.held.give_back(held); }
  bool covers(SegmentNumber number) const { return first <= number && number < end; }

  const SegmentNumber first, end;
  const std::uint64_t held;  // of the allowance; 0: nobody may keep it while sending
  const io::Time asked;
  unsigned readers = 0;
  bool done = false;
  std::optional<Error> error;
  std::vector<Segment> segments;  // when done without an error
  io::CancelScope* running = nullptr;
  io::Event moved;

 private:
  SharedState& shared_;
};

class OpenFile {
 public:
  /// Begins to open.
  OpenFile(SharedState& shared, const cap::ChkReadCap& cap);

  const Hash& id() const { return id_; }
  const immutable::Geometry& geometry() const { return fetcher_.geometry(); }  // once it is open
  SharedState& shared() const { return shared_; }

  bool is_open() const { return opened_ && opened_->has_value(); }
  /// Told when is_open or failed change.
  io::Event& changed() { return changed_; }
  /// It cannot be opened, or a segment could not be fetched. Whoever comes next should try with a new one: servers may
  /// have come, and shares may have been repaired.
  const std::optional<Error>& failed() const { return failed_; }
  /// When something of it, or an answer about it, came from a server.
  io::Time last_heard() const { return link_.last_heard(); }
  /// How many of its shares have been found so far.
  std::size_t shares_found() const { return fetcher_.shares_found(); }

  /// A run that is on its way, or a new one from `number` on, of at most `length` segments and not beyond `last_end`. With
  /// `only_if_allowed` nothing is started that may not be held.
  std::shared_ptr<Run> join(SegmentNumber number, SegmentNumber length, SegmentNumber last_end, bool only_if_allowed);
  void leave(Run& run);

  /// For one that is not open: it has failed with this.
  void give_up(Error why);
  /// Ends what is on its way; to be awaited before it is destroyed.
  io::Task<void> close();

  unsigned users = 0;  // of the table
  io::Time used_at;    // or made, when nobody has left it yet

 private:
  io::Task<void> open();
  io::Task<void> fetch(std::shared_ptr<Run> run);
  io::Task<Result<std::vector<Buffer>>> fetch_segments(SegmentNumber first, SegmentNumber end);

  SharedState& shared_;
  const cap::ChkReadCap cap_;
  const Hash id_;
  transfer::Link link_;
  transfer::SegmentFetcher fetcher_;
  std::optional<Result<void>> opened_;
  std::optional<Error> failed_;
  std::list<std::shared_ptr<Run>> on_their_way_;
  unsigned fetches_ = 0;
  io::Event changed_;
  io::TaskGroup group_;
};

}  // namespace holdfast::gateway
