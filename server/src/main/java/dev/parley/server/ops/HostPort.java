package dev.parley.server.ops;

import java.net.InetSocketAddress;

/**
 * A TCP address to listen on.
 *
 * @param host a name or an IP address; IPv6 without brackets
 * @param port 0 to 65,535; 0 lets the system choose
 */
public record HostPort(String host, int port) {

  /**
   * Reads {@code HOST:PORT} or {@code [IPV6]:PORT}.
   *
   * @throws IllegalArgumentException if it is neither
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.contains(":")) {
      throw new IllegalArgumentException("an IPv6 address goes in brackets, such as [::1]:50051");
    }
    if (host.isEmpty()) {
      throw new IllegalArgumentException("must be HOST:PORT, such as 127.0.0.1:50051");
    }
    String digits = text.substring(colon + 1);
    if (!digits.matches("\\d{1,5}") || Integer.parseInt(digits) > 65_535) {
      throw new IllegalArgumentException("the port must be a number from 0 to 65535");
    }
    return new HostPort(host, Integer.parseInt(digits));
  }

  /** For a socket; resolves the host. */
  public InetSocketAddress toSocketAddress() {
    return new InetSocketAddress(host, port);
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
