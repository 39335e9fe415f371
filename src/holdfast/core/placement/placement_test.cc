#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/placement/plan.h"
#include "holdfast/core/placement/server_ring.h"
#include "support/vectors.h"

namespace holdfast::placement {
namespace {

TEST(ServerRing, OrdersAsTheReferenceDoes) {
  const auto vectors = test::load_vectors("server-permutation.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "cases")) {
    std::vector<RingMember> members;
    std::vector<std::string> ids;
    for (const auto& server : test::list(each, "servers")) {
      ids.push_back(test::text(server, "server_id"));
      std::optional<Bytes> announced;
      if (server.as_object().contains("permutation_seed_b32"))
        announced = base32_decode(test::text(server, "permutation_seed_b32")).value();
      const auto& preferred = test::list(each, "preferred");
      members.push_back({permutation_seed(ids.back(), announced),
                         std::ranges::find(preferred, boost::json::value(ids.back())) != preferred.end()});
    }
    const auto order = permuted_order(StorageIndex::from(test::hex_field(each, "storage_index_hex")), members);
    const auto& expected = test::list(each, "order");
    ASSERT_EQ(order.size(), expected.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      EXPECT_EQ(ids[order[i]], test::text(expected[i], "server_id")) << test::text(each, "name");
  }
}

TEST(Happiness, IsWhatTheReferenceCounts) {
  const auto vectors = test::load_vectors("servers-of-happiness.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "cases")) {
    std::map<std::string, ServerNumber> numbers;
    ShareMap map;
    for (const auto& [share, servers] : each.at("sharemap").as_object()) {
      for (const auto& server : servers.as_array()) {
        const auto number = numbers.emplace(std::string(server.as_string()), numbers.size()).first->second;
        map[number].insert(static_cast<ShareNumber>(std::stoi(std::string(share))));
      }
    }
    EXPECT_EQ(happiness(map), test::number(each, "happiness"));
  }
}

TEST(Plan, ReachesTheBestHappinessThereIs) {
  std::mt19937 random(1);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  for (int round = 0; round < 2000; ++round) {
    Facts facts;
    facts.n = 1 + below(8);
    ShareMap read_only;
    std::size_t writable = 0;
    for (unsigned i = 0, count = 1 + below(7); i < count; ++i) {
      ServerState& state = facts.servers.emplace_back();
      state.writable = below(2) == 0;
      for (unsigned j = below(3); j > 0; --j) state.existing.insert(static_cast<ShareNumber>(below(facts.n)));
      if (state.writable && below(3) == 0)
        state.partial_bytes[static_cast<ShareNumber>(below(facts.n))] = 1 + below(100);
      if (state.writable)
        ++writable;
      else if (!state.existing.empty())
        read_only[i] = state.existing;
    }
    const Plan made = plan(facts);
    const std::size_t best = std::min<std::size_t>(facts.n, happiness(read_only) + writable);
    EXPECT_GE(happiness(planned_shares(facts, made)), best) << "round " << round;
    for (const auto& [share, server] : made) {
      EXPECT_TRUE(facts.servers[server].writable || facts.servers[server].existing.contains(share));
    }
    if (writable > 0) {
      EXPECT_EQ(made.size(), facts.n);
    }
  }
}

TEST(Plan, GoesOnWithTheLargestPartialShares) {
  Facts facts;
  facts.n = 3;
  facts.servers.resize(3);
  for (ServerState& state : facts.servers) state.writable = true;
  facts.servers[2].partial_bytes = {{0, 500}};
  facts.servers[0].partial_bytes = {{1, 100}, {2, 400}};
  const Plan made = plan(facts);
  EXPECT_EQ(made.at(0), 2u);
  EXPECT_EQ(made.at(2), 0u);
  EXPECT_EQ(made.at(1), 1u);
}

}  // namespace
}  // namespace holdfast::placement
