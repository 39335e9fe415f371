// The copies that one upload tries to make, each of one share on one server, and what has become of them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "holdfast/core/placement/happiness.h"
#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/transfer/share_pusher.h"

namespace holdfast::transfer {

struct PushAttempt {
  PushAttempt(PushJob& job, std::size_t position, grid::StorageServer& to, ShareNumber share,
              grid::AllocateSecrets secrets, SharePusher::Start begin)
      : server(position), began(job.link.time_up()), pusher(job, to, share, std::move(secrets), std::move(begin)) {}
  const std::size_t server;  // its position among the candidates
  const io::Duration began;  // by the link's clock
  SharePusher pusher;
  std::optional<io::Duration> took;  // until it was placed, when most of the share was sent
  bool failure_seen = false;
};

/// None is ever taken out: an attempt keeps its place while its pusher runs, and its figures count when it has failed.
class PushAttempts {
 public:
  PushAttempts(const Link& link, const Patience& patience) : link_(link), patience_(patience) {}

  SharePusher& add(std::unique_ptr<PushAttempt> attempt) { return all_.emplace_back(std::move(attempt))->pusher; }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }
  bool empty() const { return all_.empty(); }

  /// Once in a while: notes which are placed by now.
  void look(std::uint64_t share_bytes);

  /// Every attempt has failed for so long, while others were heard, that it is no longer counted on.
  bool is_silent(const SharePusher& pusher) const { return pusher.silent_for() >= patience_.silence; }
  /// It works, or has been in trouble for a moment only.
  bool is_live(const SharePusher& pusher) const;
  bool has_live(ShareNumber share) const;
  /// Of those that are placed and whose bytes were sent: how long that took. Nothing when there is none.
  std::optional<io::Duration> slowest() const;
  /// Its live attempts take so many times as long as the slowest that was placed, though something comes on.
  bool is_late(ShareNumber share) const;
  bool is_placed(ShareNumber share) const;
  bool is_any_running() const;
  bool is_at_work(std::size_t server) const;

  /// share -> servers with a proven copy.
  std::map<ShareNumber, std::vector<grid::StorageServer*>> placed() const;
  /// Of the proven copies.
  std::size_t happiness() const;
  /// Servers and the shares that they have or may soon have.
  placement::ShareMap counted() const;

  /// Of the placed shares: bytes that were not sent.
  std::uint64_t bytes_skipped() const;
  /// Share bytes handed to connections, all servers or one.
  std::uint64_t bytes_sent(const grid::StorageServer* to = nullptr) const;
  std::uint64_t bytes_resent() const;
  std::uint64_t cuts() const;
  /// Shares that servers had before and that are not of this file.
  unsigned foreign_copies() const;
  UnsoundCopies unsound_copies() const;

 private:
  std::vector<std::unique_ptr<PushAttempt>> all_;
  const Link& link_;
  const Patience patience_;
};

}  // namespace holdfast::transfer
