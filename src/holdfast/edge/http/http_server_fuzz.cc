// Whatever a client sends: no crash, no deadlock, no answer of the 5xx kind, whatever the sizes of the reads.
#include "holdfast/core/base/check.h"
#include "holdfast/edge/http/pipe_test_kit.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::http::testing;
  const ByteView input(data, size);
  RawServer whole;
  const Conversation first = whole.talk(input);
  RawServer bytewise;
  bytewise.refusal_fields = [](std::string_view origin, holdfast::http::Headers& headers) {
    headers.add("Origin-Bytes", std::to_string(origin.size()));
  };
  bytewise.pipe.read_bytes_max = 1;
  const Conversation second = bytewise.talk(input);
  for (const Conversation* conversation : {&first, &second}) {
    HF_CHECK(conversation->ended);
    for (const unsigned status : statuses_of(conversation->output)) HF_CHECK(status < 500);
  }
  // How the bytes were cut must not change what was understood.
  HF_CHECK(first.handled == second.handled && first.complete == second.complete);
  for (std::size_t i = 0; i < first.bodies.size(); ++i) {
    if (first.complete[i]) HF_CHECK(first.bodies[i] == second.bodies[i]);
  }
  return 0;
}
