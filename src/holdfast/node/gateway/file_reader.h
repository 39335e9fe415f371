// One client's way through a range of an open file.
#pragma once

#include <functional>

#include "holdfast/node/gateway/open_file.h"
#include "holdfast/node/transfer/run_length.h"

namespace holdfast::gateway {

/// Verified bytes, held until it goes.
struct Piece {
  Segment owner;
  ByteView bytes;
};

/// Reads on ahead of what is sent, as far as the client is quick and memory allows. A client that is slow holds a segment
/// or two; when there are many such, none: each then fetches a piece's segment again when the cache has lost it.
class FileReader {
 public:
  /// `leaves` is asked when something is long in coming: the client is not there any more.
  FileReader(OpenFile& file, std::function<bool()> leaves);
  ~FileReader();
  FileReader(const FileReader&) = delete;

  /// Until the file is open. Errors: its own; cancelled when the client left; timeout when nothing at all came for
  /// `first_byte`, as in the first read.
  io::Task<Result<void>> open();
  /// At least one byte from `range.begin` on, not beyond its end, for which it reads ahead. `range` is not empty. Errors: of
  /// the fetcher; cancelled when the client left.
  io::Task<Result<Piece>> read(Range range);

 private:
  io::Task<Result<Segment>> segment(SegmentNumber number, SegmentNumber last_end);
  /// From the run it is in, or else from the cache.
  Segment at_hand(SegmentNumber number);
  void read_ahead(SegmentNumber number, SegmentNumber last_end);
  void leave_all_but(SegmentNumber from, SegmentNumber end);
  io::Task<Result<void>> wait(io::Event& event);
  io::Duration quiet_for() const;

  OpenFile& file_;
  const std::function<bool()> leaves_;
  const io::Time came_;
  bool has_read_ = false;
  std::uint64_t looks_ = 0;  // at a client that seemed gone
  std::optional<SegmentNumber> at_;
  std::optional<transfer::RunLength> run_length_;
  std::vector<std::shared_ptr<Run>> runs_;
};

}  // namespace holdfast::gateway
