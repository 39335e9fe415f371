// One upload at one helper, from the first question until the helper says that it is done, or is found out.
#pragma once

#include <functional>

#include "holdfast/node/grid/upload_helper.h"
#include "holdfast/node/transfer/ciphertext_front.h"
#include "holdfast/node/transfer/helper_rules.h"
#include "holdfast/node/transfer/link.h"

namespace holdfast::transfer {

/// What the sessions of one upload add up to.
struct HelperTally {
  std::uint64_t bytes_sent = 0;     // ciphertext handed out, also what went again
  std::uint64_t bytes_resent = 0;   // of it: had been handed out before
  std::uint64_t bytes_skipped = 0;  // held by the helper before, and right by its digests
  std::uint64_t pieces_wrong = 0;   // of what it held; sent again in place
  io::Duration sending{};           // time in which bytes_sent went
  std::uint64_t cuts = 0;
};

/// How a session ends, when it is not an error of the client's own.
struct HelperEnd {
  enum class Kind {
    shown,    // the helper says that the file is in the grid and shows its extension block: to be judged
    lied,     // by its own words, or by what it held
    refused,  // no room, another certificate, too large: go around it
    gone,     // it does not answer and there is another way, or nothing moves
  } kind = Kind::gone;
  std::string why;
  protocol::HelperState state;  // shown
};

class HelperSession {
 public:
  struct Job {
    const Context& context;
    Link& link;
    const Prepared& prepared;
    grid::UploadHelper& helper;
    const grid::HelperIdentity& who;
    protocol::HelperRequest request;
    Progress& progress;
    HelperTally& tally;
    std::function<io::Task<bool>()> another_way;  // does anybody answer who would take the file?
  };
  HelperSession(Job job, CiphertextFront& front);

  /// `front` runs beside. Errors: those of the source (changed, io, ...), cancelled.
  io::Task<Result<HelperEnd>> run();
  /// Where the ciphertext went, if anywhere: to drop it.
  const std::string& upload() const { return upload_; }

 private:
  using State = protocol::HelperState;
  using Kind = State::Kind;

  io::Task<Result<State>> step(State state);
  io::Task<Result<State>> begin();
  io::Task<Result<State>> send(State state);
  io::Task<Result<State>> seal(const State& state);
  io::Task<Result<State>> wait();
  io::Task<Result<State>> look_again();
  /// Compares all pieces and replaces the wrong ones; answers how many there were.
  io::Task<Result<std::uint64_t>> settle();
  io::Task<Result<void>> replace(std::uint64_t piece);
  Result<void> take_offset(std::uint64_t offset);
  Result<void> count_contradiction(std::uint64_t offset);
  void hear_durable(std::uint64_t offset, std::uint64_t handed_out);
  io::Task<std::optional<HelperEnd>> after(const Error& error);
  /// An exchange that may take long without a word; ended when the helper falls silent on other connections too.
  template <class T>
  io::Task<Result<T>> while_it_lives(io::Task<Result<T>> exchange);
  io::Task<void> watch(io::CancelScope* exchange, bool* silent);
  HelperTrouble trouble(bool silent) const;
  io::Task<bool> is_gone();
  tl::unexpected<Error> lie(const std::string& what);
  Result<void> own_failure(const std::optional<Error>& source) const;
  void skip(Range range);
  void progressed();
  void draw(const State& state);

  Job job_;
  CiphertextFront& front_;
  std::optional<State> asked_again_;  // the offset is asked for, not the state
  std::string upload_;
  std::uint64_t acknowledged_ = 0;  // the most that it has said to hold
  std::uint64_t covered_ = 0;       // below: sent by this session, or held
  std::uint64_t sent_to_ = 0;       // the furthest byte handed out
  RangeSet skipped_;                // held before, and right as far as is known
  unsigned restarts_ = 0, contradictions_ = 0, cut_short_ = 0;
  bool settled_ = false;  // all pieces were compared, and the wrong ones replaced
  std::uint64_t replaced_ = 0;
  std::optional<std::uint64_t> contradicted_at_;
  unsigned failures_ = 0;
  bool excused_ = false;                       // it was given up once, and answered then
  State::Kind told_ = State::Kind::receiving;  // the last that it was heard to do
  HelperMovement movement_;
  io::Time moved_;  // the last time that anything did
  io::Time heard_;  // during an exchange: that bytes moved, or it said something
  io::Time troubled_since_;
  std::optional<std::string> lie_;
  std::optional<Error> fatal_;
};

}  // namespace holdfast::transfer
