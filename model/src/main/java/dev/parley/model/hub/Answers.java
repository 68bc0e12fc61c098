package dev.parley.model.hub;

import dev.parley.model.hub.HubException.Kind;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;

/** What a hub's answers mean, in words for whoever asked for a model. */
final class Answers {
  private static final String ELSEWHERE =
      "; what is already here, or a directory, needs no network";

  private final HubSettings settings;

  Answers(HubSettings settings) {
    this.settings = settings;
  }

  /** The hub is busy or broken, and may answer later. */
  static final class BusyException extends IOException {
    private static final long serialVersionUID = 1;

    private final Duration retryAfter;

    BusyException(String message, Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }

    /** How long it wants to be left alone; zero if it does not say. */
    Duration retryAfter() {
      return retryAfter;
    }
  }

  /** Whether an answer says that this one file is not in the repository. */
  static boolean saysNoSuchFile(HttpResponse<?> answer) {
    Optional<String> code = answer.headers().firstValue("X-Error-Code");
    return code.map("EntryNotFound"::equals).orElse(answer.statusCode() == 404);
  }

  /**
   * The failure that an answer is.
   *
   * @throws BusyException if the same request may succeed later
   */
  HubException failure(HubId id, URI uri, HttpResponse<?> answer) throws BusyException {
    int status = answer.statusCode();
    String page = settings.endpoint() + "/" + id.repository();
    String code = answer.headers().firstValue("X-Error-Code").orElse("");
    boolean toHub = Origin.isSame(uri, settings.endpoint());
    if (code.equals("RevisionNotFound")) {
      return new HubException(
          Kind.NOT_FOUND,
          "%s has no revision '%s': the branches and tags are at %s/tree/main"
              .formatted(id.repository(), id.revisionOrMain(), page));
    }
    if (code.equals("GatedRepo") || (status == 403 && toHub)) {
      return new HubException(
          Kind.DENIED,
          "%s is not open to %s (%d): accept its conditions at %s, and set HF_TOKEN to a token of that account"
              .formatted(
                  id, settings.token().isPresent() ? "this token" : "everyone", status, page));
    }
    if (code.equals("RepoNotFound") || (status == 401 && toHub)) {
      String token =
          settings.token().isPresent()
              ? "or is private, and the token (HF_TOKEN) does not open it"
              : "or is private or gated, and needs a token: set HF_TOKEN";
      return new HubException(
          settings.token().isPresent() || code.equals("RepoNotFound")
              ? Kind.NOT_FOUND
              : Kind.DENIED,
          "%s is not on %s (%d), nor is there a directory of that name: look for it at %s; it may be mistyped, %s"
              .formatted(id.repository(), settings.endpoint(), status, page, token));
    }
    if (status == 404) {
      return new HubException(
          Kind.NOT_FOUND,
          "%s has no %s any more (404): look at %s".formatted(id, uri.getPath(), page));
    }
    if (status == 407) {
      return new HubException(
          Kind.UNREACHABLE,
          "%s cannot be downloaded: the proxy on the way to %s wants a password (407), which Parley cannot give: let it through without one"
              .formatted(id, uri.getHost()));
    }
    if (status == 408 || status == 429 || status >= 500 || !toHub) {
      // a CDN's signed address runs out with a 403: the next attempt gets a new one
      throw new BusyException("%s answers %d".formatted(uri.getHost(), status), retryAfter(answer));
    }
    return new HubException(
        Kind.UNREACHABLE,
        "%s answers %d, which no hub says: HF_ENDPOINT is %s%s"
            .formatted(uri, status, settings.endpoint(), ELSEWHERE));
  }

  /** The failure that a broken connection is, once it has been tried often enough. */
  HubException unreachable(HubId id, URI uri, IOException cause) {
    return new HubException(
        Kind.UNREACHABLE,
        "%s cannot be downloaded from %s%s: %s%s"
            .formatted(id, uri.getHost(), through(uri), reason(uri, cause), ELSEWHERE),
        cause);
  }

  private static String reason(URI uri, IOException cause) {
    if (cause instanceof SSLException) {
      return "its certificate is not trusted (%s); a proxy that opens TLS needs its own in Java's trust store"
          .formatted(cause.getMessage());
    }
    if (cause instanceof UnknownHostException
        || cause.getCause() instanceof UnresolvedAddressException
        || (cause.getCause() instanceof ConnectException e
            && e.getCause() instanceof UnresolvedAddressException)) {
      return "this machine does not know %s; is it online?".formatted(uri.getHost());
    }
    if (cause instanceof HttpTimeoutException) {
      return "no answer in time";
    }
    if (cause instanceof ConnectException) {
      return "no connection; is this machine online, and does it need a proxy (HTTPS_PROXY)?";
    }
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  private String through(URI uri) {
    return settings.proxies().select(uri).stream()
        .filter(proxy -> proxy.type() == Proxy.Type.HTTP)
        .filter(proxy -> proxy.address() instanceof InetSocketAddress)
        .map(proxy -> (InetSocketAddress) proxy.address())
        .map(address -> " through the proxy " + address.getHostString() + ":" + address.getPort())
        .findFirst()
        .orElse("");
  }

  private static Duration retryAfter(HttpResponse<?> answer) {
    return answer
        .headers()
        .firstValue("Retry-After")
        .filter(seconds -> seconds.matches("[0-9]{1,2}"))
        .map(seconds -> Duration.ofSeconds(Integer.parseInt(seconds)))
        .orElse(Duration.ZERO);
  }
}
