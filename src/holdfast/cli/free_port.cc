#include "holdfast/cli/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdfast::cli {

Result<std::uint16_t> choose_port(const std::string& host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) address.sin_addr.s_addr = htonl(INADDR_ANY);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = fd >= 0 && ::bind(fd, generic, sizeof address) == 0 && ::getsockname(fd, generic, &length) == 0;
  if (fd >= 0) ::close(fd);
  if (!bound) return fail(Errc::io, "no free port on " + host);
  return ntohs(address.sin_port);
}

}  // namespace holdfast::cli
