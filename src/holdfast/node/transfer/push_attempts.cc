#include "holdfast/node/transfer/push_attempts.h"

#include <algorithm>

namespace holdfast::transfer {

namespace {

constexpr int kLateTimes = 10;

}  // namespace

using State = SharePusher::State;

void PushAttempts::look(std::uint64_t share_bytes) {
  for (const auto& attempt : all_) {
    const bool sent = attempt->pusher.state() == State::placed && attempt->pusher.bytes_sent() >= share_bytes / 2;
    if (sent && !attempt->took) attempt->took = link_.time_up() - attempt->began;
  }
}

bool PushAttempts::is_live(const SharePusher& pusher) const {
  if (pusher.state() != State::running) return false;
  if (pusher.troubled() && pusher.error().code == Errc::no_space) return false;
  return !is_silent(pusher);
}

bool PushAttempts::has_live(ShareNumber share) const {
  return std::ranges::any_of(
      all_, [&](const auto& attempt) { return attempt->pusher.share() == share && is_live(attempt->pusher); });
}

std::optional<io::Duration> PushAttempts::slowest() const {
  std::optional<io::Duration> out;
  for (const auto& attempt : all_) out = std::max(out, attempt->took);
  return out;
}

bool PushAttempts::is_late(ShareNumber share) const {
  const std::optional<io::Duration> others = slowest();
  if (!others) return false;
  const io::Duration chance = std::max<io::Duration>(patience_.straggler, *others * kLateTimes);
  return std::ranges::all_of(all_, [&](const auto& attempt) {
    const bool live = attempt->pusher.share() == share && is_live(attempt->pusher);
    return !live || link_.time_up() - attempt->began >= chance;
  });
}

bool PushAttempts::is_placed(ShareNumber share) const {
  return std::ranges::any_of(all_, [&](const auto& attempt) {
    return attempt->pusher.share() == share && attempt->pusher.state() == State::placed;
  });
}

bool PushAttempts::is_any_running() const {
  return std::ranges::any_of(all_, [](const auto& attempt) { return attempt->pusher.state() == State::running; });
}

bool PushAttempts::is_at_work(std::size_t server) const {
  return std::ranges::any_of(all_, [&](const auto& attempt) {
    return attempt->server == server && attempt->pusher.state() == State::running;
  });
}

std::map<ShareNumber, std::vector<grid::StorageServer*>> PushAttempts::placed() const {
  std::map<ShareNumber, std::vector<grid::StorageServer*>> out;
  for (const auto& attempt : all_) {
    if (attempt->pusher.state() == State::placed) out[attempt->pusher.share()].push_back(&attempt->pusher.server());
  }
  return out;
}

std::size_t PushAttempts::happiness() const {
  placement::ShareMap map;
  for (const auto& attempt : all_) {
    if (attempt->pusher.state() == State::placed) map[attempt->server].insert(attempt->pusher.share());
  }
  return placement::happiness(map);
}

placement::ShareMap PushAttempts::counted() const {
  placement::ShareMap map;
  for (const auto& attempt : all_) {
    const bool counts = attempt->pusher.state() == State::placed || is_live(attempt->pusher);
    if (counts) map[attempt->server].insert(attempt->pusher.share());
  }
  return map;
}

std::uint64_t PushAttempts::bytes_skipped() const {
  std::uint64_t sum = 0;
  for (const auto& attempt : all_) {
    if (attempt->pusher.state() == State::placed) sum += attempt->pusher.bytes_skipped();
  }
  return sum;
}

std::uint64_t PushAttempts::bytes_sent(const grid::StorageServer* to) const {
  std::uint64_t sum = 0;
  for (const auto& attempt : all_) {
    if (to == nullptr || &attempt->pusher.server() == to) sum += attempt->pusher.bytes_sent();
  }
  return sum;
}

std::uint64_t PushAttempts::bytes_resent() const {
  std::uint64_t sum = 0;
  for (const auto& attempt : all_) sum += attempt->pusher.bytes_resent();
  return sum;
}

std::uint64_t PushAttempts::cuts() const {
  std::uint64_t sum = 0;
  for (const auto& attempt : all_) sum += attempt->pusher.cuts();
  return sum;
}

unsigned PushAttempts::foreign_copies() const {
  return static_cast<unsigned>(std::ranges::count_if(all_, [](const auto& attempt) {
    return attempt->pusher.state() == State::failed && attempt->pusher.error().code == Errc::corrupt &&
           attempt->pusher.bytes_held_before() > 0;
  }));
}

UnsoundCopies PushAttempts::unsound_copies() const {
  UnsoundCopies out;
  for (const auto& attempt : all_) {
    const SharePusher& pusher = attempt->pusher;
    if (pusher.state() == State::failed && pusher.error().code == Errc::corrupt)
      out[{pusher.server().id(), pusher.share()}] = pusher.error().what;
  }
  return out;
}

}  // namespace holdfast::transfer
