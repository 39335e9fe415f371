// What the parts of the store that wait for an upload have in common. Not for other modules.
#pragma once

#include "holdfast/edge/io/waiting.h"

namespace holdfast::uploads {

inline Error gone_error() {
  return {Errc::not_found, "the upload has ended meanwhile"};
}
inline Error lost_error() {
  return {Errc::io, "the disk here lost bytes that came: go on from the offset that is told now"};
}
inline Error stopped_error() {
  return {Errc::cancelled, "stopping"};
}

inline constexpr const char* kTooMuchAbout = "more is to be remembered of the upload than can be";

/// A file that is shorter than what was acknowledged.
inline std::string what_is_lost(std::uint64_t acknowledged, std::uint64_t left) {
  return std::to_string(acknowledged) + " bytes were acknowledged and " + std::to_string(left) +
         " are left on the disk here: the file must be sent again";
}

/// Holds a semaphore of one unit; let go at the end of the scope.
class Holding {
 public:
  explicit Holding(io::Semaphore& semaphore) : semaphore_(&semaphore) {}
  Holding(const Holding&) = delete;
  ~Holding() { semaphore_->release(); }

 private:
  io::Semaphore* semaphore_;
};

}  // namespace holdfast::uploads
