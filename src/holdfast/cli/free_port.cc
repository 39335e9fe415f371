#include "holdfast/cli/free_port.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdfast::cli {
namespace {

// Below those that systems give to outgoing connections (Linux: from 32768), of which one may hold the port whenever the node starts.
constexpr std::uint16_t kLowest = 10'000, kEnd = 32'768;
constexpr unsigned kTriesMax = 1'000;

bool is_free(sockaddr_in address, std::uint16_t port) {
  address.sin_port = htons(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return bound;
}

}  // namespace

Result<void> check_address(const std::string& host) {
  const bool is_number =
      host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = is_number ? AI_NUMERICHOST : AI_PASSIVE;  // 300.1.1.1 is not to be looked up as a name
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (problem != 0) return fail(Errc::malformed, "--bind " + host + " is no address: " + ::gai_strerror(problem));
  ::freeaddrinfo(found);
  return {};
}

Result<std::uint16_t> choose_port(const std::string& host, Random& random) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) address.sin_addr.s_addr = htonl(INADDR_ANY);
  for (unsigned tries = 0; tries < kTriesMax; ++tries) {
    const auto port = static_cast<std::uint16_t>(kLowest + random.below(kEnd - kLowest));
    if (is_free(address, port)) return port;
  }
  return fail(Errc::io, "no free port on " + host);
}

}  // namespace holdfast::cli
