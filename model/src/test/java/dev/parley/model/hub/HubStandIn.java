package dev.parley.model.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A hub on this machine, and its CDN: two servers that answer as huggingface.co does. Small files
 * are redirected to another path of the hub (307, relative), large ones to a signed address of the
 * CDN (302) whose ETag is not theirs. It writes down what it is asked, and can be told to fail.
 */
final class HubStandIn implements AutoCloseable {
  /** What goes wrong with the next answer that has a file's content. */
  enum Fault {
    /** The connection ends after half of what was asked for. */
    BROKEN,
    /** The connection brings half of what was asked for, and stays open. */
    STALLED,
    /** 200 with everything, whatever range was asked for. */
    NO_RANGES,
    /** One byte is another one. */
    CORRUPT,
    /** 503. */
    BUSY,
    /** The signed address has run out: 403. */
    EXPIRED
  }

  private static final int LARGE = 10_000;

  private final HttpServer hub =
      HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  private final HttpServer cdn =
      HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Map<String, Map<String, byte[]>> commits = new ConcurrentHashMap<>();
  private final Map<String, String> revisions = new ConcurrentHashMap<>();
  private final Map<String, Deque<Fault>> faults = new ConcurrentHashMap<>();
  private final Map<String, Map<String, String>> headers = new ConcurrentHashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private volatile Optional<String> neededToken = Optional.empty();
  private volatile Optional<String> error = Optional.empty();
  private volatile int errorStatus;
  private volatile CountDownLatch gate = new CountDownLatch(0);

  final String repository;

  HubStandIn(String repository) throws IOException {
    this.repository = repository;
    hub.createContext("/", exchange -> guarded(exchange, this::answer));
    cdn.createContext("/", exchange -> guarded(exchange, this::content));
    hub.setExecutor(threads);
    cdn.setExecutor(threads);
    hub.start();
    cdn.start();
  }

  String endpoint() {
    return "http://127.0.0.1:" + hub.getAddress().getPort();
  }

  /** Publishes files as a commit, and lets a branch name it. */
  void publish(String branch, String commit, Map<String, byte[]> files) {
    commits.put(commit, Map.copyOf(files));
    revisions.put(branch, commit);
    revisions.put(commit, commit);
  }

  /** Makes the next answers with a file's content fail. */
  void fail(String file, Fault... next) {
    faults.computeIfAbsent(file, name -> new ArrayDeque<>()).addAll(List.of(next));
  }

  /** Sends other headers for a file than it has. */
  void lie(String file, String header, String value) {
    headers.computeIfAbsent(file, name -> new ConcurrentHashMap<>()).put(header, value);
  }

  /** Lets nobody in without this token. */
  void need(String token) {
    neededToken = Optional.of(token);
  }

  /** Answers everything with an error. */
  void refuse(int status, String code) {
    errorStatus = status;
    error = Optional.of(code);
  }

  /** Keeps contents back until the latch is open. */
  void hold(CountDownLatch until) {
    gate = until;
  }

  /** What was asked since the last call: method, server, file, range, and whether with a token. */
  List<String> requests() {
    List<String> asked = List.copyOf(requests);
    requests.clear();
    return asked;
  }

  static String sha256(byte[] content) {
    return hex("SHA-256", content);
  }

  /** As Git names a file. */
  static String gitHash(byte[] content) {
    byte[] head = ("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(head, head.length + content.length);
    System.arraycopy(content, 0, all, head.length, content.length);
    return hex("SHA-1", all);
  }

  /** What a file's blob is called. */
  static String etag(byte[] content) {
    return content.length >= LARGE ? sha256(content) : gitHash(content);
  }

  private static String hex(String algorithm, byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  private void guarded(HttpExchange exchange, Handler handler) throws IOException {
    try (exchange) {
      handler.handle(exchange);
    }
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getRawPath();
    Optional<String> token = header(exchange, "Authorization");
    note(exchange, "hub");
    exchange.getResponseHeaders().set("X-Request-Id", "1");
    if (error.isPresent()) {
      refuse(exchange, errorStatus, error.get());
      return;
    }
    String cached = "/api/resolve-cache/models/" + repository + "/";
    String resolve = "/" + repository + "/resolve/";
    if (!path.startsWith(resolve) && !path.startsWith(cached)) {
      refuse(exchange, 401, "RepoNotFound"); // as the hub hides what is private
      return;
    }
    if (neededToken.isPresent() && !token.equals(neededToken.map("Bearer "::concat))) {
      refuse(exchange, token.isEmpty() ? 401 : 403, "GatedRepo");
      return;
    }
    String[] parts =
        path.substring((path.startsWith(cached) ? cached : resolve).length()).split("/");
    String commit = revisions.get(parts[0].replace("%2F", "/"));
    if (commit == null) {
      refuse(exchange, 404, "RevisionNotFound");
      return;
    }
    String name = parts[1];
    byte[] content = commits.get(commit).get(name);
    Headers answer = exchange.getResponseHeaders();
    answer.set("X-Repo-Commit", commit);
    if (content == null) {
      refuse(exchange, 404, "EntryNotFound");
    } else if (content.length >= LARGE) {
      answer.set("X-Linked-Etag", "\"" + etag(content) + "\"");
      answer.set("X-Linked-Size", Integer.toString(content.length));
      answer.set("ETag", "\"of the redirect\"");
      answer.set(
          "Location",
          "http://localhost:%d/%s?commit=%s&Signature=abc"
              .formatted(cdn.getAddress().getPort(), name, commit));
      lies(name, answer);
      exchange.sendResponseHeaders(302, -1);
    } else if (!path.startsWith(cached)) {
      answer.set("Location", cached + commit + "/" + name + "?etag=1");
      exchange.sendResponseHeaders(307, -1);
    } else {
      answer.set("ETag", "W/\"" + etag(content) + "\"");
      lies(name, answer);
      send(exchange, name, content);
    }
  }

  private void content(HttpExchange exchange) throws IOException {
    note(exchange, "cdn");
    String name = exchange.getRequestURI().getPath().substring(1);
    String commit = exchange.getRequestURI().getQuery().replaceAll("commit=|&.*", "");
    byte[] content = commits.get(commit).get(name);
    exchange.getResponseHeaders().set("ETag", "\"" + sha256(new byte[] {1}) + "\"");
    send(exchange, name, content);
  }

  private void send(HttpExchange exchange, String name, byte[] content) throws IOException {
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    await(gate);
    Deque<Fault> next = faults.getOrDefault(name, new ArrayDeque<>());
    Fault fault;
    synchronized (next) {
      fault = next.poll();
    }
    if (fault == Fault.BUSY || fault == Fault.EXPIRED) {
      exchange.sendResponseHeaders(fault == Fault.BUSY ? 503 : 403, -1);
      return;
    }
    byte[] body = content.clone();
    if (fault == Fault.CORRUPT) {
      body[body.length - 1] ^= 1;
    }
    Optional<String> range = header(exchange, "Range");
    int from =
        range.isPresent() && fault != Fault.NO_RANGES
            ? Integer.parseInt(range.get().replaceAll("bytes=|-", ""))
            : 0;
    if (from > body.length) {
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    boolean partial = range.isPresent() && fault != Fault.NO_RANGES;
    if (partial) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, body.length - 1, body.length));
    }
    int length = body.length - from;
    exchange.sendResponseHeaders(partial ? 206 : 200, length == 0 ? -1 : length);
    OutputStream out = exchange.getResponseBody();
    if (fault == Fault.BROKEN || fault == Fault.STALLED) {
      out.write(body, from, length / 2);
      out.flush();
      if (fault == Fault.STALLED) {
        await(closing);
      }
      throw new IOException("broken on purpose");
    }
    out.write(body, from, length);
    out.flush();
  }

  private void lies(String name, Headers answer) {
    headers.getOrDefault(name, Map.of()).forEach(answer::set);
  }

  private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    if (!code.isEmpty()) {
      exchange.getResponseHeaders().set("X-Error-Code", code);
    }
    exchange.sendResponseHeaders(status, -1);
  }

  private void note(HttpExchange exchange, String server) {
    String path = exchange.getRequestURI().getRawPath();
    requests.add(
        "%s %s %s%s%s"
            .formatted(
                exchange.getRequestMethod(),
                server,
                path.substring(path.lastIndexOf('/') + 1),
                header(exchange, "Range").map(range -> " " + range).orElse(""),
                header(exchange, "Authorization").isPresent() ? " with token" : ""));
  }

  private static Optional<String> header(HttpExchange exchange, String name) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closing.countDown();
    gate.countDown();
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }
}
