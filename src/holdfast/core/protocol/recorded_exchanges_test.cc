// Bodies, paths and header fields that a real server and a real client exchanged.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/core/protocol/storage_paths.h"
#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

using boost::json::value;

/// One JSON object a line; empty without the file.
std::vector<value> exchanges(const std::string& name) {
  std::vector<value> out;
  const auto bytes = test::load_vector_bytes("tahoe/" + name);
  if (!bytes) return out;
  std::istringstream lines{std::string(text_of(*bytes))};
  for (std::string line; std::getline(lines, line);) out.push_back(boost::json::parse(line));
  return out;
}

std::optional<std::string> header(const value& exchange, const char* list, std::string_view name) {
  for (const value& each : test::list(exchange, list)) {
    if (each.at(0).as_string() == name) return std::string(each.at(1).as_string());
  }
  return std::nullopt;
}

Bytes body(const value& exchange, const char* field) {
  return exchange.at(field).is_string() ? test::base64_field(exchange, field) : Bytes();
}

/// Its message has exactly these bytes: what is decoded encodes to the same.
template <class Decode>
void expect_exact(const Bytes& bytes, Decode decode) {
  const auto message = decode(bytes);
  ASSERT_TRUE(message) << message.error().what << " in " << to_hex(bytes);
  EXPECT_EQ(to_hex(encode(*message)), to_hex(bytes));
}

void expect_reply_understood(const Route& route, const Bytes& bytes) {
  switch (route.kind) {
    case RouteKind::version:
      return expect_exact(bytes, decode_server_version);
    case RouteKind::allocate:
      return expect_exact(bytes, decode_allocate_reply);
    case RouteKind::share:
      return expect_exact(bytes, decode_write_reply);
    case RouteKind::list:
    case RouteKind::mutable_list: {
      const auto shares = decode_share_set(bytes);
      ASSERT_TRUE(shares);
      EXPECT_EQ(to_hex(encode_share_set(*shares)), to_hex(bytes));
      return;
    }
    default:
      EXPECT_EQ(route.kind, RouteKind::mutable_read_test_write);
  }
}

class RecordedExchanges : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    all_ = exchanges(GetParam());
    if (all_.empty()) GTEST_SKIP() << test::kNoVectors;
  }
  std::vector<value> all_;
};

TEST_P(RecordedExchanges, have_replies_that_are_understood_byte_for_byte) {
  std::size_t replies = 0;
  for (const value& each : all_) {
    if (test::number(each, "status") >= 300 || header(each, "response_headers", "Content-Type") != "application/cbor")
      continue;
    SCOPED_TRACE(test::text(each, "method") + " " + test::text(each, "path"));
    expect_reply_understood(parse_route(test::text(each, "path")), body(each, "response_body_base64"));
    ++replies;
  }
  EXPECT_GT(replies, 10u);
}

TEST_P(RecordedExchanges, have_requests_that_are_understood_byte_for_byte) {
  for (const value& each : all_) {
    if (test::number(each, "status") >= 300) continue;
    SCOPED_TRACE(test::text(each, "method") + " " + test::text(each, "path"));
    const Bytes bytes = body(each, "request_body_base64");
    const Route route = parse_route(test::text(each, "path"));
    if (route.kind == RouteKind::allocate) expect_exact(bytes, decode_allocate_request);
    if (route.kind == RouteKind::corrupt || route.kind == RouteKind::mutable_corrupt)
      expect_exact(bytes, decode_corrupt_report);
  }
}

TEST_P(RecordedExchanges, have_paths_that_lead_somewhere_unless_they_were_meant_not_to) {
  const std::set<std::string> astray = {"unknown-path", "unknown-path-no-auth", "list-malformed-si", "list-si-bad-char",
                                        "list-si-uppercase"};
  for (const value& each : all_) {
    const std::string path = test::text(each, "path");
    const bool known = !each.as_object().contains("label") || !astray.contains(test::text(each, "label"));
    EXPECT_EQ(parse_route(path).kind != RouteKind::unknown, known) << path;
  }
}

TEST_P(RecordedExchanges, have_secrets_in_the_form_that_we_write) {
  std::size_t secrets = 0;
  for (const value& each : all_) {
    if (test::number(each, "status") == 400) continue;
    for (const value& field : test::list(each, "request_headers")) {
      if (field.at(0).as_string() != "X-Tahoe-Authorization") continue;
      const std::string text(field.at(1).as_string());
      const auto secret = parse_secret_field(text);
      ASSERT_TRUE(secret) << text;
      EXPECT_EQ(format_secret_field(secret->kind, secret->secret), text);
      ++secrets;
    }
  }
  EXPECT_GT(secrets, 10u);
}

TEST_P(RecordedExchanges, have_ranges_that_get_the_same_verdict) {
  for (const value& each : all_) {
    const bool refused = test::number(each, "status") == 416;
    if (const auto field = header(each, "request_headers", "Range")) {
      const auto range = parse_range(*field);
      EXPECT_EQ(range.has_value(), !refused) << *field;
      EXPECT_EQ(range ? format_range(*range) : *field, *field);
    }
    if (const auto field = header(each, "request_headers", "Content-Range")) {
      const auto range = parse_content_range(*field);
      EXPECT_EQ(range.has_value(), !refused) << *field;
      EXPECT_EQ(range ? format_content_range(range->range, range->total) : *field, *field);
    }
    if (const auto field = header(each, "response_headers", "Content-Range")) {
      const auto range = parse_content_range(*field);
      ASSERT_TRUE(range) << *field;
      EXPECT_EQ(range->range.size(), body(each, "response_body_base64").size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, RecordedExchanges, testing::Values("gbs-transcript.jsonl", "gbs-real-client.jsonl"),
                         [](const auto& file) {
                           return file.param == std::string_view("gbs-transcript.jsonl") ? "server" : "client";
                         });

}  // namespace
}  // namespace holdfast::protocol
