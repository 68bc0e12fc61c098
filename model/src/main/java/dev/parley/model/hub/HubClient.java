package dev.parley.model.hub;

import dev.parley.model.hub.HubException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Optional;

/**
 * Asks a hub for files of one model: {@code <endpoint>/<repository>/resolve/<revision>/<file>}.
 *
 * <p>Redirects are followed here and not by the HTTP client: what a large file is called and how
 * long it is stands in the hub's own answer, which redirects to a CDN that knows neither; and the
 * token must not go there. Source of the protocol: github.com/huggingface/huggingface_hub,
 * file_download.py.
 */
final class HubClient {
  private static final int MOST_REDIRECTS = 5;

  private final HubSettings settings;
  private final Answers answers;
  private final HttpClient http;

  HubClient(HubSettings settings) {
    this.settings = settings;
    this.answers = new Answers(settings);
    this.http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // one file at a time: streams would gain nothing
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.answerTime())
            .proxy(settings.proxies())
            .build();
  }

  /** A request that may be repeated. */
  interface Request<T> {
    T send() throws IOException;
  }

  /**
   * What the hub says about a file.
   *
   * @param attempts at a hub that does not answer
   * @return empty if the repository has no such file
   * @throws HubException if the model or the revision is not there, or nobody answers
   */
  Optional<RemoteFile> head(HubId id, String name, int attempts) {
    URI uri = uri(id, name);
    return persistently(
        id,
        uri,
        attempts,
        () -> {
          HttpResponse<Void> answer = follow(id, "HEAD", uri, 0, BodyHandlers.discarding());
          if (answer.statusCode() >= 400) {
            if (Answers.saysNoSuchFile(answer)) {
              return Optional.empty();
            }
            throw answers.failure(id, answer.uri(), answer);
          }
          return Optional.of(remoteFile(name, answer));
        });
  }

  /**
   * Opens a file's content, from some byte on; the caller closes it. One attempt.
   *
   * @return status 200 (everything, whatever was asked for), 206, or 416 (there are not that many)
   * @throws IOException if another attempt may succeed
   */
  HttpResponse<InputStream> open(HubId id, String name, long from) throws IOException {
    HttpResponse<InputStream> answer =
        follow(id, "GET", uri(id, name), from, BodyHandlers.ofInputStream());
    int status = answer.statusCode();
    if (status == 200 || status == 206 || status == 416) {
      return answer;
    }
    answer.body().close();
    throw answers.failure(id, answer.uri(), answer);
  }

  /** Repeats a request until it is answered, with pauses that grow. */
  <T> T persistently(HubId id, URI uri, int attempts, Request<T> request) {
    for (int attempt = 1; ; attempt++) {
      try {
        return request.send();
      } catch (IOException e) {
        if (attempt >= attempts) {
          throw answers.unreachable(id, uri, e);
        }
        pause(attempt, e);
      }
    }
  }

  /** The failure of a file that was asked for often enough. */
  HubException unreachable(HubId id, String name, IOException cause) {
    return answers.unreachable(id, uri(id, name), cause);
  }

  /** Waits before the next attempt: twice as long each time, or as long as the hub says. */
  void pause(int failures, IOException cause) {
    Duration pause = settings.firstPause().multipliedBy(1L << Math.min(failures - 1, 6));
    if (cause instanceof Answers.BusyException busy && busy.retryAfter().compareTo(pause) > 0) {
      pause = busy.retryAfter();
    }
    try {
      Thread.sleep(pause.toMillis());
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private URI uri(HubId id, String name) {
    String revision = id.revisionOrMain().replace("/", "%2F").replace("+", "%2B");
    return URI.create(
        "%s/%s/resolve/%s/%s".formatted(settings.endpoint(), id.repository(), revision, name));
  }

  /** Sends a request, and follows it to where the answer, or the file, is. */
  private <T> HttpResponse<T> follow(
      HubId id, String method, URI start, long from, BodyHandler<T> body) throws IOException {
    URI uri = start;
    for (int i = 0; i <= MOST_REDIRECTS; i++) {
      HttpResponse<T> answer = send(request(method, uri, from), body);
      Optional<URI> target = target(uri, answer);
      boolean metadata = // what HEAD is for stands here; the target is the file itself
          method.equals("HEAD")
              && answer.headers().firstValue("X-Linked-Etag").isPresent()
              && answer.headers().firstValue("X-Repo-Commit").isPresent();
      if (target.isEmpty() || metadata) {
        return answer;
      }
      if (answer.body() instanceof InputStream rest) {
        rest.close();
      }
      uri = target.get();
    }
    throw new HubException(
        Kind.UNREACHABLE,
        "%s leads in a circle: %s redirects more than %d times"
            .formatted(id, start, MOST_REDIRECTS));
  }

  private static Optional<URI> target(URI uri, HttpResponse<?> answer) {
    int status = answer.statusCode();
    Optional<String> location = answer.headers().firstValue("Location");
    if (status < 301 || status > 308 || status == 304 || location.isEmpty()) {
      return Optional.empty();
    }
    URI target;
    try {
      target = uri.resolve(location.get());
    } catch (IllegalArgumentException e) {
      throw new HubException(
          Kind.UNREACHABLE,
          "%s redirects to what is no address: %s".formatted(uri, location.get()));
    }
    boolean web = target.getHost() != null && target.getScheme().matches("(?i)https?");
    boolean downgrade =
        uri.getScheme().equalsIgnoreCase("https") && !target.getScheme().equalsIgnoreCase("https");
    if (!web || downgrade) {
      throw new HubException(
          Kind.UNREACHABLE,
          "%s redirects to %s, which is not encrypted: refused".formatted(uri, target));
    }
    return Optional.of(target);
  }

  private HttpRequest request(String method, URI uri, long from) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(settings.answerTime())
            .header("User-Agent", "parley")
            .header("Accept-Encoding", "identity"); // sizes are those of the files
    if (from > 0) {
      request.header("Range", "bytes=%d-".formatted(from));
    }
    if (Origin.isSame(uri, settings.endpoint())) {
      settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    }
    return request.build();
  }

  private <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> body) throws IOException {
    try {
      return http.send(request, body);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private RemoteFile remoteFile(String name, HttpResponse<?> answer) {
    Optional<String> linked = answer.headers().firstValue("X-Linked-Etag").map(RemoteFile::plain);
    Optional<String> etag =
        linked
            .or(() -> answer.headers().firstValue("ETag").map(RemoteFile::plain))
            .filter(RemoteFile::isSafe);
    Optional<String> commit =
        answer.headers().firstValue("X-Repo-Commit").filter(RemoteFile::isSafe);
    Optional<String> size =
        answer
            .headers()
            .firstValue("X-Linked-Size")
            .or(() -> answer.headers().firstValue("Content-Length"))
            .filter(digits -> digits.matches("[0-9]{1,18}"));
    if (etag.isEmpty() || commit.isEmpty() || size.isEmpty()) {
      throw new HubException(
          Kind.UNREACHABLE,
          "%s does not answer as a hub does (no %s): a proxy may have answered instead; HF_ENDPOINT is %s"
              .formatted(
                  answer.uri(),
                  commit.isEmpty() ? "X-Repo-Commit" : etag.isEmpty() ? "ETag" : "Content-Length",
                  settings.endpoint()));
    }
    return new RemoteFile(
        name,
        commit.get(),
        etag.get(),
        Long.parseLong(size.get()),
        linked.flatMap(RemoteFile::digest));
  }

  private static HubException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    return new HubException(Kind.UNREACHABLE, "the download was interrupted", cause);
  }
}
