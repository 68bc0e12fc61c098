package dev.parley.model.hub;

import java.net.URI;

/** Scheme, host and port of an address: what a token belongs to. */
final class Origin {
  private Origin() {}

  static boolean isSame(URI left, URI right) {
    return left.getScheme().equalsIgnoreCase(right.getScheme())
        && left.getHost().equalsIgnoreCase(right.getHost())
        && port(left) == port(right);
  }

  private static int port(URI uri) {
    if (uri.getPort() >= 0) {
      return uri.getPort();
    }
    return uri.getScheme().equalsIgnoreCase("https") ? 443 : 80;
  }
}
