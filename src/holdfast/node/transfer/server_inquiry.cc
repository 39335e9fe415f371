#include "holdfast/node/transfer/server_inquiry.h"

#include <algorithm>

namespace holdfast::transfer {
namespace {

constexpr io::Duration kLateAtLeast = std::chrono::seconds(1);

}  // namespace

ServerInquiry::ServerInquiry(PushJob& job, Secret master, Patience patience, io::TaskGroup& group)
    : job_(job), master_(std::move(master)), patience_(patience), group_(group) {}

void ServerInquiry::begin() {
  begun_ = job_.context.loop.now();
  servers_ = candidates(job_.context, job_.si, job_.encoder.params().n);
  for (std::size_t i = 0; i < servers_.size(); ++i) group_.spawn(keep_asking(i));
}

/// Asks one server until it answers and has room; a late answer serves those shares that must be placed again.
io::Task<void> ServerInquiry::keep_asking(std::size_t position) {
  for (unsigned failures = 1;; ++failures) {
    grid::StorageServer& server = *servers_[position].server;
    const io::Time begun = job_.context.loop.now();
    ServerFacts facts = co_await ask_server(job_.context, server, job_.si, master_, job_.encoder.layout().size());
    facts.asked = begun;
    if (facts.answered && !first_answer_) first_answer_ = job_.context.loop.now();
    facts.final = facts.answered || facts.problem.code == Errc::unauthorized;
    if (facts.answered && (facts.writable || failures == 1)) job_.link.heard();  // a full server is no progress
    if (facts.answered || !servers_[position].answered) servers_[position] = std::move(facts);
    job_.changed();
    // One that is full may have room before this upload ends.
    const bool full = servers_[position].answered && !servers_[position].writable;
    if (servers_[position].final && !full) co_return;
    const Result<void> waited = co_await job_.link.pause(failures);
    if (waited) continue;
    if (servers_[position].final) co_return;
    servers_[position].final = true;
    servers_[position].problem = waited.error().code == Errc::timeout ? servers_[position].problem : waited.error();
    job_.changed();
    co_return;
  }
}

std::size_t ServerInquiry::answered() const {
  return static_cast<std::size_t>(std::ranges::count_if(servers_, &ServerFacts::answered));
}

std::size_t ServerInquiry::open() const {
  return static_cast<std::size_t>(std::ranges::count_if(servers_, [](const auto& each) { return !each.final; }));
}

bool ServerInquiry::has_asked() const {
  return std::ranges::any_of(servers_, [](const ServerFacts& each) { return each.asked.has_value(); });
}

bool ServerInquiry::all_had_their_chance(io::Time since) const {
  return std::ranges::all_of(
      servers_, [&](const ServerFacts& each) { return each.final || (each.asked && *each.asked >= since); });
}

bool ServerInquiry::is_ripe(bool happy) {
  if (!happy) return false;
  const io::Time now = job_.context.loop.now();
  if (!happy_since_) happy_since_ = now;
  const bool outage = first_answer_ && *first_answer_ - begun_ >= kOutage;
  const io::Time since = outage ? *first_answer_ : begun_;
  // Late is who takes much longer than the others did; after an outage, whose question was not lost in it.
  const io::Duration late = outage ? patience_.silence : kLateAtLeast;
  return all_had_their_chance(since) || now - *happy_since_ >= std::max(late, (*happy_since_ - since) * 3);
}

const Error* ServerInquiry::silence() const {
  const auto silent = std::ranges::find_if(servers_, [](const ServerFacts& each) { return !each.answered; });
  return silent != servers_.end() ? &silent->problem : nullptr;
}

std::string ServerInquiry::who_is_waited_for() const {
  const Error* why = silence();
  return "waiting for servers: " + std::to_string(answered()) + " of " + std::to_string(servers_.size()) + " answer (" +
         (why != nullptr ? why->what : "too few") + ")";
}

}  // namespace holdfast::transfer
