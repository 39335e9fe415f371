// One share to one server: asks what is missing, sends that, survives cuts, and proves the result.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "holdfast/node/transfer/link.h"
#include "holdfast/node/transfer/share_bytes.h"

namespace holdfast::transfer {

/// Looks at the whole of a copy that was there before. Errors: corrupt, or why it could not be read.
using CopyProof = std::function<io::Task<Result<void>>(grid::StorageServer&, ShareNumber)>;

/// What all pushers of one upload share.
struct PushJob {
  const Context& context;
  Link& link;
  const StorageIndex& si;
  immutable::Encoder& encoder;
  SegmentPipeline& pipeline;
  std::function<void()> changed;  // something worth looking at: the supervisor wakes
  bool begun_here = false;        // who was at work just now was this node, before it was interrupted
  CopyProof proof{};              // besides the sample that is always taken of a copy with bytes that were not sent
};

/// Secrets of one server, derived from the identity of its verified certificate.
Result<grid::AllocateSecrets> secrets_for(const Context& context, const Secret& master, const StorageIndex& si,
                                          const grid::StorageServer& server);

class SharePusher {
 public:
  enum class State { running, placed, failed };

  /// What the server said before, when it was asked: spares the first question.
  struct Start {
    bool resumes = false;              // speaks the extension
    bool complete = false;             // the server says that it has the share
    std::optional<RangeSet> required;  // of a matching partial or a fresh allocation
    bool shared = false;               // somebody else with our secret may be sending this share now
  };

  SharePusher(PushJob& job, grid::StorageServer& server, ShareNumber share, grid::AllocateSecrets secrets, Start start);

  /// Until the share is placed and proven, or this server will not do. Never throws its work away on a cut.
  io::Task<void> run();

  State state() const { return state_; }
  const Error& error() const { return error_; }  // why it failed
  grid::StorageServer& server() const { return server_; }
  ShareNumber share() const { return share_; }
  /// Bytes that the server acknowledged or that are on their way, for the progress bar.
  std::uint64_t bytes_done() const;
  std::uint64_t bytes_held_before() const { return held_before_; }
  /// Of the placed share: what this run never sent.
  std::uint64_t bytes_skipped() const;
  std::uint64_t bytes_sent() const { return handed_out_; }
  std::uint64_t bytes_resent() const { return resent_; }
  std::uint64_t cuts() const { return cuts_; }
  /// For how long every attempt has failed (the first one takes `silence`, when it is that) while others were heard.
  io::Duration silent_for() const { return troubled() ? job_.link.time_up() - up_at_trouble_ : io::Duration{0}; }
  bool troubled() const { return failures_ > 0 && !trying_; }
  /// It has failed since it last came on, though it may be at work again.
  bool doubtful() const { return failures_ > 0; }

 private:
  io::Task<Result<void>> step();
  io::Task<Result<void>> ask_again();
  io::Task<Result<void>> learn_state();
  io::Task<Result<void>> learn_by_status();
  io::Task<Result<void>> learn_by_probe();
  io::Task<Result<void>> allocate_anew();
  io::Task<Result<void>> start_over();
  static constexpr std::uint64_t kStockPatchBytes = 1'048'576;
  static constexpr std::uint64_t kStreamBytesMax = 64 * kStockPatchBytes;  // one PATCH to a server with the extension
  struct Patch;
  io::Task<Result<void>> send(Range range);
  io::Task<Result<void>> send_two(Range range);
  io::Task<Result<void>> gather(Patch& patch);
  io::Task<void> write(Patch* patch);
  io::Task<Result<void>> take(const Result<grid::WriteAnswer>& answer, Range range, bool whole);
  io::Task<void> keep_alive();
  io::Task<Result<void>> send_politely();
  io::Task<Result<void>> wait_politely();
  Range pick_from(const RangeSet& free) const;
  Range keep_tail_last(Range next) const;
  io::Task<Result<void>> prove();
  std::optional<Range> choose() const;
  void adopt(const RangeSet& said);
  void note_sent(Range range);
  void complete_by_others();
  Result<void> count_asked_again(std::uint64_t bytes);
  Result<void> handle(const Error& error);

  PushJob& job_;
  grid::StorageServer& server_;
  const grid::AllocateSecrets secrets_;
  std::uint64_t patch_bytes_max_;
  const ShareNumber share_;
  State state_ = State::running;
  Error error_{Errc::unavailable, ""};

  SegmentPipeline::Reader reader_;
  std::optional<RangeSet> required_;  // by the server's latest word; nothing: ask
  RangeSet writing_;                  // by the latest status: on its way from others
  io::Time others_seen_, others_moved_;
  std::uint64_t others_most_ = 0;
  RangeSet ever_sent_;  // handed out by this run
  RangeSet sent_;       // of that, since what was held was given up
  RangeSet given_;      // of that, since the latest allocation of ours
  RangeSet vouched_;    // of that, since an exchange failed: till then another may have begun the upload anew
  RangeSet foreign_;    // held by the server although this run did not send it
  std::uint64_t held_before_ = 0, handed_out_ = 0, resent_ = 0, cuts_ = 0;
  std::uint64_t asked_again_bytes_ = 0;  // after they were handed out, summed over all answers
  std::uint64_t held_lately_ = 0;        // by the server's latest word
  std::uint64_t held_most_ = 0;          // when it last came on
  std::uint64_t sent_by_then_ = 0;       // bytes
  ShareBytes* sending_ = nullptr;
  io::Time heard_of_us_;  // by a stock server: the latest answered write
  io::Duration up_at_trouble_{0};
  unsigned failures_ = 0;  // since it last came on
  unsigned fresh_starts_ = 0, wanted_again_ = 0, waits_ = 0;
  bool resumes_;
  bool complete_ = false;    // the server says so; not yet proven
  bool polite_ = false;      // others send this share too: ask before each piece, and take what nobody sends
  bool just_begun_ = false;  // by another, who has not sent anything yet
  bool only_asked_ = false;  // a step that has not brought it on
  bool trying_ = false;      // asked after a failure, and at work again
  bool asked_once_ = false, header_sent_ = false, tail_sent_ = false;
};

}  // namespace holdfast::transfer
