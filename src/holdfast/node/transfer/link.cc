#include "holdfast/node/transfer/link.h"

#include <algorithm>

namespace holdfast::transfer {

void Link::heard() {
  answered();
  last_moved_ = last_heard_;
}

void Link::answered() {
  const io::Time now = loop_.now();
  if (now - last_heard_ > kDownAfter) up_.notify_all();
  time_up_ += std::min(now - last_heard_, kUpAfter);
  last_heard_ = now;
}

bool Link::is_given_up() const {
  return patience_.give_up_after && loop_.now() - last_moved_ > *patience_.give_up_after;
}

bool Link::has_waited() const {
  return is_given_up() && *patience_.give_up_after > io::Duration::zero();
}

io::Duration Link::back_off(unsigned failures) {
  const unsigned doublings = std::min(failures - 1, 16u);
  const io::Duration whole = std::min<io::Duration>(patience_.retry_first * (1L << doublings), patience_.retry_max);
  // Between half and the whole of it, so that many clients do not come back in step.
  const auto half = static_cast<std::uint64_t>(whole.count() / 2);
  return io::Duration(static_cast<io::Duration::rep>(half + random_.below(half + 1)));
}

io::Task<Result<void>> Link::pause(unsigned failures, std::string why) {
  const io::Duration delay = back_off(failures);
  if (is_given_up()) {
    const bool waited = *patience_.give_up_after > io::Duration::zero();
    const std::string what =
        waited ? "nothing has come on for as long as --timeout allows" : "a server that is needed is down";
    co_return fail(Errc::timeout, what + (why.empty() ? "" : " (" + why + ")"));
  }
  ++waiting_;
  const Result<void> woken = co_await io::with_timeout(delay, up_.told());
  --waiting_;
  if (!woken && woken.error().code == Errc::cancelled) co_return woken;
  co_return Result<void>{};
}

}  // namespace holdfast::transfer
