// Reading, encrypting and coding on all cores, once, for all shares; and again for a share that lags behind.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "holdfast/core/immutable/encoder.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/segment_source.h"

namespace holdfast::transfer {

using SharedSegment = std::shared_ptr<const immutable::EncodedSegment>;

/// The front goes through the file in order, a window ahead of the slowest attached reader. A reader for whom most
/// of the others have waited too long is left behind; from then on its segments are made again, for it alone. So one slow
/// server costs the others nothing, and memory is bounded by the window.
class SegmentPipeline {
 public:
  struct Limits {
    std::uint64_t window_bytes = 16 * 1'048'576;  // encoded segments held for readers
    unsigned encoding_max = 2;                    // segments in work at once; a core each
    io::Duration left_behind_after = std::chrono::milliseconds(1500);
  };

  /// What becomes of the segments: told of each in order, and of the end, on a worker; and asked whether one that was made again
  /// is the one that it was told of.
  struct Absorber {
    std::function<Result<void>(const immutable::EncodedSegment&)> absorb;
    std::function<Result<void>()> finish;
    std::function<Result<bool>(const immutable::EncodedSegment&)> has_absorbed;
  };

  /// A share that is being sent: where it is. Destroying it detaches it.
  class Reader {
   public:
    explicit Reader(SegmentPipeline& pipeline) : pipeline_(pipeline) {}
    ~Reader() { detach(); }
    Reader(const Reader&) = delete;
    /// From now on segments below `segment` are not asked for (unless again, after a cut).
    void seek(SegmentNumber segment);
    /// Does not hold the front up any more.
    void detach();
    /// Segment s: from the window when it is there or still to come and this reader is attached, else made again.
    io::Task<Result<SharedSegment>> segment(SegmentNumber segment);

   private:
    friend class SegmentPipeline;
    SegmentPipeline& pipeline_;
    bool attached_ = false;
    SegmentNumber position_ = 0;
  };

  SegmentPipeline(const Context& context, SegmentSource& source, const immutable::SegmentEncoder& segment_encoder,
                  immutable::Encoder& encoder, Limits limits);
  SegmentPipeline(const Context& context, SegmentSource& source, const immutable::SegmentEncoder& segment_encoder,
                  const immutable::Geometry& geometry, Absorber absorber, Limits limits);

  /// Runs the front to the end and proves the source; until open(), no further than the window. Errors end every reader.
  io::Task<Result<void>> run();
  /// The readers there are have attached themselves: the front goes on for them, or without any.
  void open();

  /// Waits for run() to succeed: from then on the tail of every share is known.
  io::Task<Result<void>> finished();
  bool is_finished() const { return done_; }
  /// A reader gets this segment without its being made for it alone: it is in the window, or comes there next.
  bool is_near(SegmentNumber segment) const {
    return segment >= front_ ? segment < front_ + window_ : made_.contains(segment);
  }
  const std::optional<Error>& failure() const { return failed_; }
  /// Why a segment could not be made a second time. Who has passed it goes on; to begin a share anew would come to the same.
  const std::optional<Error>& unreadable() const { return unreadable_; }

 private:
  io::Task<void> encode_one(SegmentNumber segment, Buffer plaintext);
  io::Task<Result<void>> absorb_ready();
  io::Task<Result<void>> room_for(SegmentNumber segment);
  io::Task<Result<SharedSegment>> make_again(SegmentNumber segment);
  io::Task<Result<SharedSegment>> same_again(SegmentNumber segment);
  io::Task<Result<SharedSegment>> encode(Buffer plaintext, SegmentNumber segment);
  void drop_passed();
  std::size_t lagging(SegmentNumber front) const;
  bool held_up(SegmentNumber front) const;
  bool end_held_up(SegmentNumber front) const;
  bool waited_enough() const;
  void leave_behind(SegmentNumber front);
  SegmentNumber slowest() const;

  const Context& context_;
  SegmentSource& source_;
  const immutable::SegmentEncoder& segment_encoder_;
  const SegmentNumber count_;
  const Absorber absorber_;
  const Limits limits_;
  SegmentNumber window_;  // in segments
  std::set<Reader*> attached_;
  std::map<SegmentNumber, SharedSegment> made_;               // the window
  SegmentNumber front_ = 0;                                   // all below are absorbed
  std::list<std::pair<SegmentNumber, SharedSegment>> again_;  // a few, newest first: laggards often lag together
  std::size_t starving_ = 0;                                  // readers that wait for the front
  std::size_t waiting_for_end_ = 0;                           // who need no more of it
  io::Duration held_up_for_{}, end_held_up_for_{};            // in all, since
  io::Time waiting_since_{};
  bool open_ = false;
  bool done_ = false;
  std::optional<Error> failed_, unreadable_;
  io::Event moved_;
  io::Semaphore again_slots_;
  io::Semaphore absorbing_;  // the absorber does one thing at a time
};

}  // namespace holdfast::transfer
