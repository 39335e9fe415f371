// What may go wrong between a client and one server, and the counters that say what did.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>

namespace faults {

using Clock = std::chrono::steady_clock;

enum Direction : std::size_t { up = 0, down = 1 };  // towards the server, towards the client

/// A line of a given speed: whoever sends takes the next free slot of it.
class Pace {
 public:
  void set(std::uint64_t bytes_per_second) { bytes_per_second_ = bytes_per_second; }
  std::uint64_t bytes_per_second() const { return bytes_per_second_; }
  /// When the last of so many bytes will have left.
  Clock::time_point reserve(std::size_t bytes) {
    const Clock::time_point now = Clock::now();
    if (bytes_per_second_ == 0) return now;
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
    free_ = std::max(free_, now) + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    return free_;
  }

 private:
  std::uint64_t bytes_per_second_ = 0;  // 0: as fast as it goes
  Clock::time_point free_{};
};

/// Happens on each connection at a byte count drawn from [least, most], `times` times in all (0: always).
struct AtCount {
  std::uint64_t least = 0, most = 0, times = 0, done = 0;
  bool spent() const { return times != 0 && done >= times; }
  bool spend() { return !spent() && ++done != 0; }
};

enum class CutBy { rst, fin, silence };

struct Cut {
  CutBy by = CutBy::rst;
  Direction direction = up;
  AtCount when;
};

struct Counters {
  std::uint64_t connections = 0, refused = 0, cuts = 0, losses = 0;
  std::array<std::uint64_t, 2> bytes{};  // read from the sender
  std::uint64_t bytes_lost = 0;          // of these, dropped here
};

class Connection;

/// One server behind the proxy.
struct Target {
  explicit Target(std::uint64_t seed) : random(seed) {}

  std::uint16_t port = 0;
  bool link = true;     // false: connections are refused by RST
  bool silent = false;  // nothing is forwarded, nothing is closed
  std::chrono::milliseconds delay{0};
  std::array<Pace, 2> pace;
  std::optional<Cut> cut;
  std::optional<AtCount> lose;
  double stall_chance = 0;  // of each chunk
  std::chrono::milliseconds stall{0};
  Counters counters;
  std::mt19937_64 random;
  std::set<std::shared_ptr<Connection>> connections;

  /// The count at which a new connection meets its fate.
  std::optional<std::uint64_t> draw(const AtCount& when) {
    if (when.spent()) return std::nullopt;
    return when.least + random() % (when.most - when.least + 1);
  }
  bool draw_stall() { return stall_chance > 0 && static_cast<double>(random() >> 11) * 0x1p-53 < stall_chance; }
};

/// The line that all targets share.
struct SharedLine {
  std::array<Pace, 2> pace;
};

}  // namespace faults
