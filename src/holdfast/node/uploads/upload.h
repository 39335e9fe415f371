// One upload as the store has it in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/resume/piece_digests.h"
#include "holdfast/core/resume/upload_log.h"
#include "holdfast/core/resume/whole_digest.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/uploads/spool_files.h"

namespace holdfast::uploads {

class Turn;

struct Upload {
  Upload(io::Loop& loop, SpoolFiles spool_files)
      : files(std::move(spool_files)), order(loop, 1), journalling(loop, 1), turn_free(loop) {}

  const std::string& name() const { return files.name(); }

  resume::UploadLog log;
  std::uint64_t written = 0;     // bytes in the file; those above log.durable may not be told of
  resume::PieceDigests digests;  // of [0, written)
  // Of [0, written) too, in stores that keep it. Without either it is not known, and made anew from the disk at the end.
  std::unique_ptr<resume::WholeDigest> whole;
  std::optional<Hash> whole_state;  // from which `whole` goes on; belongs to `written`
  bool held_back = false;           // what is not durable yet shall not become so before settle()
  // The last sync failed, and with it perhaps bytes above the durable ones: nothing more counts before they are cut off.
  std::optional<Error> trouble;
  bool gone = false;         // the files are
  bool end_is_owed = false;  // it has ended, but the disk has not taken that; whoever ends it again tries again
  unsigned pins = 0;         // others need its bytes: it does not expire
  SpoolFiles files;
  io::Semaphore order;        // who changes the bytes
  io::Semaphore journalling;  // who syncs and appends to the journal; taken after `order`
  Turn* turn = nullptr;       // who is sending
  io::Event turn_free;
  std::uint64_t turns_asked = 0;  // the newest one wins
  io::Time active{};              // of the last byte that came
  io::Duration idle_before{};     // at the start of this process
  io::Time unsynced_since{};      // while written > log.durable
  std::uint64_t received = 0;     // by this process
  // The last body did not come to its end, or that is not known: an earlier process had it.
  bool body_broke_off = true;

  bool is_open() const { return log.phase == resume::UploadPhase::open && !gone; }
  bool is_sealed() const { return log.phase == resume::UploadPhase::sealed && !gone; }
  /// Bytes that are held back behind the durable ones, and nobody sends any more: they wait for a proof, or to be sent again.
  bool has_pending() const { return held_back && turn == nullptr && written > log.durable; }
  bool has_ended() const { return log.phase == resume::UploadPhase::ended || gone; }
};
using UploadPtr = std::shared_ptr<Upload>;
using UploadsById = std::vector<const Upload*>;  // in the order of their ids

/// The right to send to an upload, for as long as this lives. `scope` is cancelled when somebody takes over: whoever holds the
/// turn reads its body in there, and then lets go.
class Turn {
 public:
  Turn(UploadPtr upload, std::string client, io::CancelScope& parent, io::Time now)
      : scope(parent), since(now), upload_(std::move(upload)), client_(std::move(client)) {
    upload_->turn = this;
  }
  Turn(const Turn&) = delete;
  ~Turn() {
    upload_->turn = nullptr;
    upload_->turn_free.notify_all();
  }

  io::CancelScope scope;
  const io::Time since;
  const std::string& client() const { return client_; }

 private:
  const UploadPtr upload_;
  const std::string client_;
};

}  // namespace holdfast::uploads
