// What a download knows of the line as a whole: whether anything moves, whether it is full, how long a first byte takes.
#pragma once

#include <cstdint>

namespace holdfast::transfer {

/// Pure: told what came, a few times a second. Times are seconds since anything.
class LineWatch {
 public:
  LineWatch(double now, std::uint64_t received) : looked_at_(now), moved_at_(now), received_(received) {}

  bool look_is_due(double now) const { return now - looked_at_ >= kLookEverySeconds; }
  /// `received`: bytes from all servers, ever. `moves`: some of them were what this download waits for. `held_back`: by a limit of
  /// this program's own, which is all that the line gives then.
  void look(double now, std::uint64_t received, bool moves, bool held_back);
  /// A copy gave its first byte after so long.
  void first_byte_after(double seconds) { first_byte_seconds_ = (3 * first_byte_seconds_ + seconds) / 4; }

  std::uint64_t looks() const { return looks_; }
  bool moves() const { return moves_; }
  /// So much came since the look before that asking for more could only slow down what is on its way.
  bool busy() const { return busy_; }
  bool held_back() const { return held_back_; }
  double still_for(double now) const { return now - moved_at_; }
  /// What a copy may take for its first byte.
  double patience() const;

 private:
  static constexpr double kLookEverySeconds = 0.2;
  double looked_at_, moved_at_;
  std::uint64_t received_;
  std::uint64_t looks_ = 0;
  double most_ = 0;  // bytes per second, lately
  double first_byte_seconds_ = 0;
  bool moves_ = false, busy_ = false, held_back_ = false;
};

}  // namespace holdfast::transfer
