// Whatever a server answers: no crash, no deadlock, and a body is either whole or an error.
#include "holdfast/core/base/check.h"
#include "holdfast/edge/http/pipe_test_kit.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::http;
  using namespace holdfast::http::testing;
  const ByteView answer(data, size);
  ClientRequest request;
  request.method = "GET";
  request.target = "/";
  const Hearing whole = hear(answer, request);
  const Hearing bytewise = hear(answer, request, 1);
  HF_CHECK(whole.ended && bytewise.ended);
  HF_CHECK(whole.head.has_value() == bytewise.head.has_value());
  HF_CHECK(whole.body.has_value() == bytewise.body.has_value());
  if (whole.body) {
    HF_CHECK(*whole.body == *bytewise.body);
    if (whole.head->content_length && whole.head->status != 204 && whole.head->status != 304) {
      HF_CHECK(whole.body->size() == *whole.head->content_length);
    }
  }
  return 0;
}
