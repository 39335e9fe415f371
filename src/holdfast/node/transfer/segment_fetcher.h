// Verified plaintext (or ciphertext) segments from whatever servers have good shares.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "holdfast/core/cap/cap.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/line_watch.h"
#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/transfer/share_copy.h"

namespace holdfast::transfer {

struct SegmentBatch;

/// One file being read. Servers that are slow, silent, lying or dead are gone around: blocks come from k copies, a lagging
/// one is hedged by a spare, a corrupt one is reported and dropped.
class SegmentFetcher {
 public:
  SegmentFetcher(const Context& context, Link& link, const StorageIndex& si, const immutable::FileClaim& claim,
                 const cap::Key* key);
  ~SegmentFetcher();

  /// Until k distinct shares are found and one is open; those that will be wanted first are being opened. Errors:
  /// not_enough_shares, patience's, malformed (bad file).
  io::Task<Result<void>> open();
  /// Ends the questions that are still open; to be awaited before it is destroyed.
  io::Task<void> close();
  const immutable::Geometry& geometry() const { return file_.geometry(); }
  immutable::FileState& file() { return file_; }

  /// Segments [first, end), verified. Several calls may be under way. Errors: as open; corrupt when the file itself is bad.
  io::Task<Result<std::vector<Buffer>>> segments(SegmentNumber first, SegmentNumber end);
  /// Leaves of the crypttext tree for [first, end): what a part file is held against.
  io::Task<Result<std::vector<Hash>>> segment_hashes(SegmentNumber first, SegmentNumber end);
  const immutable::SegmentDecoder& decoder() const { return *decoder_; }
  /// Says there what is waited for.
  void show_on(Progress& progress) { progress_ = &progress; }

  std::uint64_t cuts() const;
  /// Usable ones, each counted once, as far as servers have answered.
  std::size_t shares_found() const { return distinct_alive(); }
  std::vector<std::string> warnings() const { return warnings_; }
  std::set<std::pair<std::string, ShareNumber>> used() const { return used_; }
  const UnsoundCopies& unsound() const { return unsound_; }
  /// Copies that a server named and does not have, or that nobody here can read.
  const UnsoundCopies& unusable() const { return unusable_; }

 private:
  /// Somebody reads from this segment on.
  class Reading {
   public:
    Reading(SegmentFetcher& fetcher, SegmentNumber first);
    ~Reading();
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

   private:
    SegmentFetcher& fetcher_;
    std::multiset<SegmentNumber>::iterator mine_;
  };

  io::Task<Result<void>> find();
  io::Task<void> ask(grid::StorageServer* server, io::Duration after);
  void tell_waiting(bool for_link, std::string note);
  void connect_to_likely_ones();
  void open_likely_ones();
  io::Task<Result<Buffer>> fetch(ShareCopy& copy, SegmentBatch& batch);
  void look();
  void tell(const SegmentBatch& batch, const ShareCopy& copy, const std::string& what) const;
  double now() const;
  std::uint64_t received() const;
  bool held_back() const;
  double best_speed() const;
  void judge(SegmentBatch& batch);
  ShareCopy* probe(const SegmentBatch& batch);
  io::Task<void> run_copy(ShareCopy* copy, SegmentBatch* batch);
  ShareCopy* pick(const SegmentBatch& batch) const;
  io::Task<Result<void>> wait_for_copies(unsigned& failures);
  Error too_few(std::size_t possible, const Error& waited) const;
  io::Task<Result<void>> gather(SegmentBatch& batch);
  io::Task<Result<std::vector<Buffer>>> decode(SegmentBatch& batch);
  void note_failure(ShareCopy& copy, const Error& error);
  std::size_t distinct_alive() const;

  const Context& context_;
  Link& link_;
  const StorageIndex si_;
  immutable::FileState file_;
  std::optional<cap::Key> key_;
  std::optional<immutable::SegmentDecoder> decoder_;
  std::vector<std::unique_ptr<ShareCopy>> copies_;
  std::set<grid::StorageServer*> being_asked_, answered_, dead_,
      strangers_;  // strangers: dead ones that are not who they should be
  std::vector<std::string> warnings_;
  std::set<std::pair<std::string, ShareNumber>> used_;
  UnsoundCopies unsound_, unusable_;
  std::optional<Error> file_error_;
  std::vector<SegmentBatch*> active_;  // oldest first
  std::multiset<SegmentNumber> reading_;
  SegmentNumber forgotten_before_ = 0;
  Progress* progress_ = nullptr;
  LineWatch line_;
  double probed_at_;
  std::uint64_t cuts_ = 0;
  std::string last_problem_;
  io::Event changed_;
  io::TaskGroup asking_, opening_;
};

}  // namespace holdfast::transfer
