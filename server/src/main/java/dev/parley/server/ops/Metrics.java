package dev.parley.server.ops;

import dev.parley.v1.TrainingJobState;
import io.grpc.ServerInterceptor;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.binder.grpc.MetricCollectingServerInterceptor;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Everything that this process counts, in the text format of Prometheus. Parley's own names are
 * written to the Prometheus registry directly, so that they are exactly those that dashboards hold
 * on to; the JVM's and gRPC's come from Micrometer's binders. Thread-safe.
 */
public final class Metrics implements AutoCloseable {
  /** OpenTelemetry's for gen_ai.server.time_to_first_token, in seconds. */
  private static final double[] FIRST_TOKEN = {
    .001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10
  };

  /** OpenTelemetry's for gen_ai.server.time_per_output_token, in seconds. */
  private static final double[] TOKEN = {
    .01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5
  };

  /** OpenTelemetry's for gen_ai.server.request.duration, in seconds. */
  private static final double[] REQUEST = {
    .01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92
  };

  private static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";
  private static final String OPEN_METRICS = "application/openmetrics-text";
  private static final List<TrainingJobState> JOB_STATES =
      List.of(
          TrainingJobState.TRAINING_JOB_STATE_CREATED,
          TrainingJobState.TRAINING_JOB_STATE_RUNNING,
          TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED,
          TrainingJobState.TRAINING_JOB_STATE_FINISHED,
          TrainingJobState.TRAINING_JOB_STATE_FAILED,
          TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
  private static final double[] ROWS = {1, 2, 4, 8, 16, 32, 64, 128, 256};

  private final PrometheusRegistry prometheus = new PrometheusRegistry();
  private final PrometheusMeterRegistry micrometer =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, Clock.SYSTEM);
  private final JvmGcMetrics garbageCollection = new JvmGcMetrics();

  final Histogram timeToFirstToken =
      histogram(
          "parley_chat_time_to_first_token_seconds",
          "From a message's arrival to its reply's first token.",
          FIRST_TOKEN,
          "model",
          "version");
  final Histogram interToken =
      histogram(
          "parley_chat_inter_token_seconds",
          "Between two tokens of a reply; those of one step share its time.",
          TOKEN,
          "model",
          "version");
  final Histogram turn =
      histogram(
          "parley_chat_turn_seconds",
          "From a message's arrival to its reply's last token.",
          REQUEST,
          "model",
          "version");
  final Histogram queue =
      histogram(
          "parley_chat_queue_seconds",
          "From a message's arrival to its first step.",
          FIRST_TOKEN,
          "model");
  final Counter turns =
      counter(
          "parley_chat_turns_total",
          "Turns that ended, by the reason.",
          "model",
          "version",
          "finish_reason");
  final Counter canaryMisses =
      counter(
          "parley_canary_misses_total",
          "Conversations drawn for a canary that did not serve: the default answered them.",
          "model");
  final Counter tokens =
      counter(
          "parley_tokens_total",
          "Tokens: read of prompts, of these found cached, generated.",
          "model",
          "kind");
  final Counter speculation =
      counter(
          "parley_speculation_tokens_total",
          "Tokens of replies that were guessed, by whether the model chose them too.",
          "model",
          "outcome");
  final Histogram step = histogram("parley_step_seconds", "One step of the model.", TOKEN, "model");
  final Histogram stepRows =
      histogram("parley_step_rows", "Conversations in one step of the model.", ROWS, "model");
  final Gauge keyValueTokens =
      gauge(
          "parley_kv_tokens",
          "Tokens for whose keys and values memory is held: by turns under way, by conversations without one.",
          "model",
          "version",
          "state");
  final Gauge keyValueCapacity =
      gauge(
          "parley_kv_capacity_tokens",
          "Tokens for whose keys and values there is memory, held or free.",
          "model",
          "version");
  final Counter keyValueEvictions =
      counter("parley_kv_evictions_total", "Conversations whose cache was given up.", "model");
  final Counter keyValueShared =
      counter(
          "parley_kv_shared_tokens_total",
          "Tokens whose keys and values were copied from another conversation that begins alike.",
          "model");
  final Gauge streams = gauge("parley_streams", "Conversations that are open.", "model", "version");
  final Gauge streamsParked =
      gauge(
          "parley_streams_parked",
          "Conversations that wait for a slow reader.",
          "model",
          "version");
  final Info modelInfo =
      Info.builder()
          .name("parley_model_info")
          .help("Model versions that are loaded.")
          .labelNames("model", "version", "precision", "device")
          .register(prometheus);
  final Counter modelLoadFailures =
      counter("parley_model_load_failures_total", "Versions that could not be loaded.", "model");
  final Counter engineRestarts =
      counter(
          "parley_engine_restarts_total",
          "Versions that were loaded again because their engine stopped after a failure.",
          "model");
  final Gauge trainingLoss =
      gauge("parley_training_loss", "Nats per learned token of the latest step.", "model");
  final Counter trainingTokens =
      counter("parley_training_tokens_total", "Learned tokens of all training steps.", "model");

  /** Registers every meter. */
  public Metrics() {
    // Names that promtool objects to; process_cpu_usage and system_cpu_usage say as much.
    micrometer.config().meterFilter(MeterFilter.denyNameStartsWith("process.cpu.time"));
    micrometer.config().meterFilter(MeterFilter.denyNameStartsWith("system.cpu.count"));
    // Labels as everything else spells them.
    micrometer
        .config()
        .meterFilter(MeterFilter.renameTag("grpc.server", "methodType", "method_type"));
    micrometer
        .config()
        .meterFilter(MeterFilter.renameTag("grpc.server", "statusCode", "status_code"));
    new JvmMemoryMetrics().bindTo(micrometer);
    new JvmThreadMetrics().bindTo(micrometer);
    new ProcessorMetrics().bindTo(micrometer);
    new UptimeMetrics().bindTo(micrometer);
    new FileDescriptorMetrics().bindTo(micrometer);
    garbageCollection.bindTo(micrometer);
  }

  /** Counts calls, messages and durations by service and method. */
  public ServerInterceptor interceptor() {
    return new MetricCollectingServerInterceptor(micrometer);
  }

  /**
   * Everything as it stands, in the format that a reader takes.
   *
   * @param accept the media types of its HTTP request; empty for the text format
   */
  public Exposition scrape(String accept) {
    String contentType =
        accept.contains(OPEN_METRICS) ? OPEN_METRICS + "; version=1.0.0; charset=utf-8" : TEXT;
    return new Exposition(contentType, micrometer.scrape(contentType));
  }

  /** Metrics as text, and the media type of that text. */
  public record Exposition(String contentType, String text) {}

  /** Counts jobs by state whenever metrics are read. */
  void trainingJobs(Supplier<Map<TrainingJobState, Integer>> counts) {
    GaugeWithCallback.builder()
        .name("parley_training_jobs")
        .help("Training jobs on disk, by state.")
        .labelNames("state")
        .callback(
            gauge -> {
              Map<TrainingJobState, Integer> byState = counts.get();
              for (TrainingJobState state : JOB_STATES) {
                gauge.call(byState.getOrDefault(state, 0), label(state));
              }
            })
        .register(prometheus);
  }

  private static String label(TrainingJobState state) {
    return state.name().toLowerCase(Locale.ROOT).replace("training_job_state_", "");
  }

  private Histogram histogram(String name, String help, double[] bounds, String... labels) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .classicOnly()
        .classicUpperBounds(bounds)
        .withoutExemplars() // there are no traces, and the tracer is not on the class path
        .register(prometheus);
  }

  private Counter counter(String name, String help, String... labels) {
    return Counter.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .withoutExemplars()
        .register(prometheus);
  }

  private Gauge gauge(String name, String help, String... labels) {
    return Gauge.builder()
        .name(name)
        .help(help)
        .labelNames(labels)
        .withoutExemplars()
        .register(prometheus);
  }

  @Override
  public void close() {
    garbageCollection.close();
    micrometer.close();
  }
}
