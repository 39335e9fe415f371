#include "holdfast/node/transfer/helper_holdings.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::transfer {
namespace {

using State = protocol::HelperState;

io::Task<Result<State>> state_now(grid::UploadHelper* helper, StorageIndex si, grid::HelperIdentity who) {
  co_return co_await helper->state(si, who, std::chrono::seconds(0));
}

// One that hangs shall not hold up those that answer; one that is only farther away may still hold most of the file.
constexpr io::Duration kAfterTheFirst = std::chrono::seconds(2);

struct Asking {
  explicit Asking(io::Loop& loop) : heard(loop) {}
  std::size_t answers = 0, open = 0;
  io::Event heard;
};

io::Task<void> ask(grid::UploadHelper* helper, StorageIndex si, grid::HelperIdentity who, Asking* asking,
                   std::optional<State>* out) {
  Result<State> state = co_await state_now(helper, si, std::move(who));
  const bool has_nothing = !state && state.error().code == Errc::not_found;
  if (state) *out = std::move(*state);
  if (has_nothing) out->emplace();
  if (state || has_nothing) ++asking->answers;
  --asking->open;
  asking->heard.notify_all();
}

}  // namespace

std::string random_client_id(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  return base32_encode(bytes);
}

grid::HelperIdentity identity_at(const grid::UploadHelper& helper, const Secret& master, const std::string& client_id) {
  return {crypto::upload_secret(master, helper.spki()), client_id};
}

io::Task<std::vector<std::optional<State>>> ask_helpers(const Context& context, const PutJournal& journal,
                                                        std::string client_id, io::Duration limit) {
  std::vector<std::optional<State>> out(context.helpers.size());
  const Secret master = master_of(context, journal);
  const io::Time begun = context.loop.now();
  io::Time due = begun + limit;
  Asking asking(context.loop);
  asking.open = out.size();
  io::TaskGroup group(co_await io::this_scope());
  for (std::size_t i = 0; i < out.size(); ++i) {
    grid::UploadHelper* helper = context.helpers[i];
    group.spawn(ask(helper, journal.storage_index, identity_at(*helper, master, client_id), &asking, &out[i]));
  }
  Result<void> woken;
  for (bool first_came = false; woken && asking.open > 0;) {
    const io::Time now = context.loop.now();
    if (!first_came && asking.answers > 0) {
      due = std::min(due, now + (now - begun) + kAfterTheFirst);
      first_came = true;
    }
    woken = co_await io::with_timeout(due - now, asking.heard.told());
  }
  group.cancel();
  co_await group.join();
  co_return out;
}

io::Task<unsigned> drop_at_helpers(const Context& context, const PutJournal& journal) {
  unsigned dropped = 0;
  const Secret master = master_of(context, journal);
  for (grid::UploadHelper* helper : context.helpers) {
    const grid::HelperIdentity who = identity_at(*helper, master, random_client_id(context.random));
    const auto state = co_await helper->state(journal.storage_index, who, std::chrono::seconds(0));
    if (!state || state->kind != protocol::HelperState::Kind::receiving) continue;
    const Result<void> gone = co_await helper->drop(state->upload, who);
    if (gone) ++dropped;
  }
  co_return dropped;
}

}  // namespace holdfast::transfer
