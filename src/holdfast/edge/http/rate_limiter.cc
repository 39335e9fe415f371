#include <algorithm>

#include "holdfast/edge/http/client.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http {
namespace {

constexpr io::Duration kBurstMax = std::chrono::milliseconds(250);

class TokenBucket final : public RateLimiter {
 public:
  TokenBucket(io::Loop& loop, std::uint64_t bytes_per_second) : loop_(loop), rate_(bytes_per_second) {
    HF_CHECK(bytes_per_second > 0);
  }

  io::Task<bool> take(std::size_t bytes) override {
    // Each taker is given the next stretch of time; whoever was idle may catch up by one burst.
    const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
    const auto share = std::chrono::duration_cast<io::Duration>(std::chrono::duration<double>(seconds));
    taken_until_ = std::max(taken_until_, loop_.now() - kBurstMax) + share;
    if (taken_until_ <= loop_.now()) co_return true;
    co_return co_await io::sleep_until(taken_until_);
  }

  bool holds_back() const override { return taken_until_ > loop_.now() - kBurstMax; }
  std::uint64_t bytes_per_second() const override { return rate_; }

 private:
  io::Loop& loop_;
  std::uint64_t rate_;
  io::Time taken_until_{};
};

}  // namespace

std::unique_ptr<RateLimiter> make_rate_limiter(io::Loop& loop, std::uint64_t bytes_per_second) {
  return std::make_unique<TokenBucket>(loop, bytes_per_second);
}

}  // namespace holdfast::http
