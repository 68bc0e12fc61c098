package dev.parley.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** How this library sets a channel up. */
final class Channels {
  /** Of this library. */
  static final String VERSION = version();

  /** Updates of a job repeat its request, which may hold dialogues. */
  private static final int MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

  private Channels() {}

  static ManagedChannel open(String target, ChannelCredentials credentials) {
    return Grpc.newChannelBuilder(target, credentials)
        .userAgent("parley-java/" + VERSION)
        .defaultServiceConfig(serviceConfig())
        // The server allows a ping every 10 s, also without calls: a connection that a NAT forgot
        // is
        // noticed before the next message.
        .keepAliveTime(30, TimeUnit.SECONDS)
        .keepAliveTimeout(15, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
        .build();
  }

  /**
   * Balances over all addresses, and retries what may be retried. Streams are not: what was said
   * must not be said twice. Nor are SetModelAlias and DeleteModelVersion: the second attempt would
   * answer differently.
   */
  private static Map<String, Object> serviceConfig() {
    List<Map<String, String>> names = new ArrayList<>();
    Stream.of("GetTrainingJob", "ListTrainingJobs", "CancelTrainingJob")
        .forEach(
            method -> names.add(Map.of("service", "parley.v1.TrainingService", "method", method)));
    Stream.of("ListModels", "ListModelVersions", "GetModelVersion")
        .forEach(
            method -> names.add(Map.of("service", "parley.v1.ModelService", "method", method)));
    return Map.of(
        "loadBalancingConfig",
        List.of(Map.of("round_robin", Map.of())),
        "methodConfig",
        List.of(
            Map.of(
                "name",
                names,
                "retryPolicy",
                Map.of(
                    "maxAttempts",
                    4.0,
                    "initialBackoff",
                    "0.2s",
                    "maxBackoff",
                    "2s",
                    "backoffMultiplier",
                    2.0,
                    "retryableStatusCodes",
                    List.of("UNAVAILABLE")))));
  }

  private static String version() {
    Properties properties = new Properties();
    try (InputStream in = Channels.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("version.properties cannot be read", e);
    }
    return properties.getProperty("version", "unknown");
  }
}
