package dev.parley.server.ops;

import org.jspecify.annotations.Nullable;

/** The server could not start; the message says why and what to do. Nothing of it runs. */
public final class ServerStartException extends RuntimeException {
  private static final long serialVersionUID = 1;

  ServerStartException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  static ServerStartException notBound(Setting<HostPort> setting, HostPort address, Exception e) {
    Throwable root = e;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    String reason = root.getMessage() == null ? root.toString() : root.getMessage();
    return reason.contains("already in use")
        ? new ServerStartException(
            "port %d of %s is in use: stop the process that listens there, or choose another with --%s"
                .formatted(address.port(), address.host(), setting.name()),
            e)
        : new ServerStartException(
            "cannot listen on %s: %s; choose another address with --%s"
                .formatted(address, reason, setting.name()),
            e);
  }
}
