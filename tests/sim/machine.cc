#include "sim/machine.h"

namespace holdfast::sim {
namespace {

constexpr std::chrono::milliseconds kDiskLongest(4), kLastBreath(20);
constexpr std::uint64_t kDiskBytes = std::uint64_t{1} << 40;

}  // namespace

Machine::Machine(io::SimulatedLoop& loop, std::uint64_t seed, bool resumes, bool read_only)
    : loop_(loop), random_(seed), pool_(loop, random_, kDiskLongest), disk_(random_), turn_(loop, 1) {
  disk_.set_clock([this] { return loop_.wall_seconds() * 1'000'000'000; });
  options_.directory = "/storage";
  options_.read_only = read_only;
  if (!resumes) options_.partial_retention_seconds = 0;
}

io::Task<void> Machine::start() {
  const bool mine = co_await turn_.acquire();
  if (!mine) co_return;
  while (!up_) {
    powered_ = true;
    store_ = std::make_unique<storage::ShareStore>(storage::ShareStore::World{loop_, pool_, disk_, log_}, options_);
    process_ = std::make_unique<io::TaskGroup>(loop_);
    const Result<void> opened = co_await store_->open();
    if (opened) {
      process_->spawn(store_->tend());
      up_ = true;
      ++starts_;
      continue;
    }
    co_await store_->flush();
    store_.reset();
    disk_.process_killed();
    const bool slept = co_await io::sleep_for(std::chrono::seconds(1));
    if (!slept) break;
  }
  turn_.release();
}

io::Task<void> Machine::stop(Ending ending, std::uint64_t operations) {
  const bool mine = co_await turn_.acquire();
  if (!mine) co_return;
  if (up_) {
    stopped_at_ = disk_.operations() + operations;
    disk_.power_off_from(*stopped_at_);
    if (operations > 0) static_cast<void>(co_await io::sleep_for(kLastBreath));
    stopped_at_ = disk_.operations();
    disk_.power_off_from(*stopped_at_);
    up_ = false;
    powered_ = ending == Ending::kill;
    process_->cancel();
    co_await process_->join();
    co_await store_->flush();
    store_.reset();
    process_.reset();
    stopped_at_.reset();
    if (ending == Ending::kill)
      disk_.process_killed();
    else
      disk_.power_cut();
  }
  turn_.release();
}

void Machine::fill_disk(std::uint64_t free) {
  // What is taken is known only by asking for what is left of a known whole.
  disk_.set_capacity(kDiskBytes);
  const auto left = disk_.free_bytes("/");
  disk_.set_capacity(kDiskBytes - left.value_or(kDiskBytes) + free);
}

void Machine::empty_disk() {
  disk_.set_capacity(kDiskBytes);
}

}  // namespace holdfast::sim
