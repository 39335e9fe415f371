// Trying again: back-off with jitter, told apart from "the whole link is down".
#pragma once

#include <string>

#include "holdfast/core/base/random.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::transfer {

/// So long before the first answer of anybody: that was no long way, the link was down.
inline constexpr io::Duration kOutage = std::chrono::seconds(3);

/// Shared by everything one transfer does. Every answer of any server is heard here; when the first one comes
/// after a silence of all, those who wait try again at once instead of sleeping their back-off out.
class Link {
 public:
  Link(io::Loop& loop, Random& random, const Patience& patience)
      : loop_(loop),
        random_(random),
        patience_(patience),
        last_heard_(loop.now()),
        last_moved_(last_heard_),
        up_(loop) {}

  /// A server answered, or bytes moved.
  void heard();
  /// A server answered, but the transfer has not come on by it: the link is up, and patience runs on.
  void answered();
  /// Waits before attempt number `failures` + 1 (failures >= 1). Errors: cancelled; timeout when nothing at all
  /// was heard for `give_up_after`; it says `why`.
  io::Task<Result<void>> pause(unsigned failures, std::string why = {});

  /// Patience with everything is over: `pause` fails from now on, until something comes on.
  bool is_given_up() const;
  /// That is so after a wait; who waits for nobody gives each server its one chance.
  bool has_waited() const;

  /// How long to wait before attempt number `failures` + 1: of growing length, and not the same for many clients.
  io::Duration back_off(unsigned failures);

  /// Nobody has answered for a while although somebody is trying.
  bool down() const { return waiting_ > 0 && loop_.now() - last_heard_ > kDownAfter; }
  /// How long somebody has been heard, all in all: stands still while nobody is. The clock for the silence of one server, since
  /// that of all is the link's.
  io::Duration time_up() const { return time_up_; }
  io::Time last_heard() const { return last_heard_; }
  const Patience& patience() const { return patience_; }

 private:
  static constexpr io::Duration kDownAfter = std::chrono::seconds(1);
  static constexpr io::Duration kUpAfter = std::chrono::seconds(2);  // an answer, at most
  io::Loop& loop_;
  Random& random_;
  Patience patience_;
  io::Time last_heard_, last_moved_;
  io::Duration time_up_{0};
  io::Event up_;
  unsigned waiting_ = 0;
};

}  // namespace holdfast::transfer
