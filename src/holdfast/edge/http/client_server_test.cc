#include "holdfast/edge/http/http_test_kit.h"

namespace holdfast::http::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ClientAndServer, CarryARequestAndItsAnswer) {
  World world;
  world.run(echo, [](World& w) -> io::Task<void> {
    const auto client = w.client();
    const auto reply = co_await ask(*client, request_for("PUT", "/x", to_bytes("hello")));
    EXPECT_TRUE(reply.has_value()) << reply.error().what;
    if (!reply) co_return;
    EXPECT_EQ(reply->status, 200u);
    EXPECT_EQ(text_of(reply->body), "hello");
    EXPECT_EQ(reply->headers.find("content-length"), "5");
    EXPECT_TRUE(reply->headers.find("Date"));
    EXPECT_EQ(client->peer()->tub_id, identity_of_pem(w.pem)->tub_id);
  });
}

TEST(ClientAndServer, KeepOneConnectionForManyRequests) {
  World world;
  world.run(echo, [](World& w) -> io::Task<void> {
    const auto client = w.client();
    for (int i = 0; i < 50; ++i) {
      const auto reply = co_await ask(*client, request_for("PUT", "/x", pattern(static_cast<std::size_t>(i) * 997)));
      EXPECT_TRUE(reply && reply->body == pattern(static_cast<std::size_t>(i) * 997)) << i;
    }
    EXPECT_EQ(client->counters().connections, 1u);
    EXPECT_EQ(client->counters().requests, 50u);
    EXPECT_EQ(client->counters().broken, 0u);
  });
}

TEST(ClientAndServer, StreamLargeBodiesBothWays) {
  World world;
  world.run(echo, [](World& w) -> io::Task<void> {
    const auto client = w.client();
    const Bytes content = pattern(20'000'003);
    PatternSource source(content, 777'777);
    ClientRequest request = request_for("PATCH", "/big");
    request.source = &source;
    const auto reply = co_await ask(*client, std::move(request));
    EXPECT_TRUE(reply.has_value()) << reply.error().what;
    EXPECT_TRUE(reply && reply->body == content);
    EXPECT_EQ(client->counters().body_bytes_sent, content.size());
    EXPECT_EQ(client->counters().body_bytes_received, content.size());
    EXPECT_EQ(w.server->counters().body_bytes_received, content.size());
  });
}

}  // namespace
}  // namespace holdfast::http::testing
