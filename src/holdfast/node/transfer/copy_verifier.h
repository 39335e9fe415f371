// Every byte of copies of one file's shares against its cap, several copies at once.
#pragma once

#include "holdfast/core/cap/cap.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/link.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

class CopyVerifier {
 public:
  /// `copies_at_once` bounds the memory. All of it outlives this.
  CopyVerifier(const Context& context, Link& link, const cap::ChkVerifyCap& cap, Progress& progress,
               std::size_t copies_at_once)
      : context_(context), link_(link), cap_(cap), progress_(progress), slots_(context.loop, copies_at_once) {}

  /// Waits for its turn. What is corrupt is reported to its server. Errors: corrupt, unsupported (layout version),
  /// not_found, cancelled, or why it could not be read, after a few attempts while others were reached; timeout when its bytes
  /// drip, or nothing has come on for as long as patience allows.
  io::Task<Result<void>> verify(grid::StorageServer& server, ShareNumber share);

 private:
  /// A range of a share on its way, over as many attempts as it takes.
  struct Piece {
    grid::Arriving bytes;
    io::Duration left;        // of the time that it may take
    std::size_t counted = 0;  // of `bytes`, in the progress
  };

  io::Task<Result<void>> read_whole(grid::StorageServer& server, ShareNumber share);
  io::Task<Result<Buffer>> read_patiently(grid::StorageServer& server, ShareNumber share, Range range);
  io::Task<Result<void>> read_in_time(grid::StorageServer& server, ShareNumber share, Range range, Piece& piece);
  io::Task<bool> link_is_down(io::Time since);
  io::Task<void> watch(Piece* piece, io::CancelScope* reading);
  void count(Piece& piece);

  const Context& context_;
  Link& link_;
  const cap::ChkVerifyCap& cap_;
  Progress& progress_;
  io::Semaphore slots_;
  io::Duration::rep running_ = 0;  // copies
};

}  // namespace holdfast::transfer
