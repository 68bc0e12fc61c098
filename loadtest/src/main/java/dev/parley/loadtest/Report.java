package dev.parley.loadtest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A result for people, and for programs. */
final class Report {
  private Report() {}

  static String table(LoadTestOptions options, LoadResult result, LoadResult first) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%s · %d conversations of %d turns · %s at %s",
            result.load().describe(),
            result.conversations(),
            options.turns(),
            result.model().isEmpty() ? options.model() : result.model(),
            options.target()));
    lines.add(row("milliseconds", "count", "mean", "p50", "p90", "p99", "max"));
    lines.add(row("opening", result.opening()));
    lines.add(row("first token", result.firstToken()));
    lines.add(row("between tokens", result.betweenTokens()));
    lines.add(row("whole turn", result.turn()));
    lines.add(row("sent late by", result.startDelay()));
    lines.add(row("server's queue", result.serverQueue()));
    lines.add(
        String.format(
            Locale.ROOT,
            "%d turns in %.1f s: %.1f turns/s, %.1f tokens/s, at most %d conversations at once",
            result.turns(),
            result.seconds(),
            result.turnsPerSecond(),
            result.tokensPerSecond(),
            result.peakConversations()));
    if (!result.equals(first) && result.betweenTokens().count() > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "between tokens against the first point: p50 × %.2f, p99 × %.2f",
              ratio(result.betweenTokens().p50(), first.betweenTokens().p50()),
              ratio(result.betweenTokens().p99(), first.betweenTokens().p99())));
    }
    if (result.refused() > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%d times refused with a time to come back: after %.1f ms (p50), %.1f ms (p99), %.1f"
                  + " ms (max)",
              result.refused(),
              result.refusal().p50(),
              result.refusal().p99(),
              result.refusal().max()));
    }
    if (result.cancelled() > 0) {
      lines.add(result.cancelled() + " conversations cancelled on purpose");
    }
    if (result.interrupted() > 0) {
      lines.add(result.interrupted() + " turns interrupted on purpose");
    }
    if (result.failedTurns() > 0 || !result.errors().isEmpty()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%d turns FAILED; errors: %s, %d of them no refusal with a time to come back",
              result.failedTurns(),
              new TreeMap<>(result.errors()),
              result.failures()));
    }
    return String.join(System.lineSeparator(), lines) + System.lineSeparator();
  }

  static String json(LoadResult result, LoadResult first) {
    StringBuilder json = new StringBuilder("{\"loadtest\":");
    if (result.load() instanceof Load.Closed closed) {
      json.append("\"closed\",\"at_once\":").append(closed.conversations());
    } else if (result.load() instanceof Load.Open open) {
      json.append("\"open\",\"per_second\":").append(number(open.perSecond()));
    }
    // Names and versions of models need no escaping: letters, digits, '.', '_', '-' and '@'.
    json.append(",\"model\":\"").append(result.model()).append('"');
    json.append(",\"conversations\":").append(result.conversations());
    json.append(",\"peak_conversations\":").append(result.peakConversations());
    json.append(",\"turns\":").append(result.turns());
    json.append(",\"interrupted_turns\":").append(result.interrupted());
    json.append(",\"cancelled_conversations\":").append(result.cancelled());
    json.append(",\"refused\":").append(result.refused());
    json.append(",\"failures\":").append(result.failures());
    json.append(",\"failed_turns\":").append(result.failedTurns());
    json.append(",\"errors\":{");
    String separator = "";
    for (Map.Entry<String, Integer> error : new TreeMap<>(result.errors()).entrySet()) {
      json.append(separator).append('"').append(error.getKey()).append("\":");
      json.append(error.getValue());
      separator = ",";
    }
    json.append("},\"seconds\":").append(number(result.seconds()));
    json.append(",\"tokens\":").append(result.tokens());
    json.append(",\"tokens_per_second\":").append(number(result.tokensPerSecond()));
    json.append(",\"turns_per_second\":").append(number(result.turnsPerSecond()));
    json.append(latency("opening_ms", result.opening()));
    json.append(latency("first_token_ms", result.firstToken()));
    json.append(latency("between_tokens_ms", result.betweenTokens()));
    json.append(",\"between_tokens_p50_ratio\":");
    json.append(number(ratio(result.betweenTokens().p50(), first.betweenTokens().p50())));
    json.append(",\"between_tokens_p99_ratio\":");
    json.append(number(ratio(result.betweenTokens().p99(), first.betweenTokens().p99())));
    json.append(latency("turn_ms", result.turn()));
    json.append(latency("start_delay_ms", result.startDelay()));
    json.append(latency("refusal_ms", result.refusal()));
    json.append(latency("server_queue_ms", result.serverQueue()));
    return json.append('}').toString();
  }

  /** 0 where there is nothing to compare with. */
  private static double ratio(double value, double first) {
    return first > 0 ? value / first : 0;
  }

  private static String latency(String name, Latency latency) {
    return String.format(
        Locale.ROOT,
        ",\"%s\":{\"count\":%d,\"mean\":%s,\"p50\":%s,\"p90\":%s,\"p99\":%s,\"max\":%s}",
        name,
        latency.count(),
        number(latency.mean()),
        number(latency.p50()),
        number(latency.p90()),
        number(latency.p99()),
        number(latency.max()));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  private static String row(String name, Latency latency) {
    return row(
        name,
        Long.toString(latency.count()),
        milliseconds(latency.mean()),
        milliseconds(latency.p50()),
        milliseconds(latency.p90()),
        milliseconds(latency.p99()),
        milliseconds(latency.max()));
  }

  private static String milliseconds(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  private static String row(
      String name, String count, String mean, String p50, String p90, String p99, String max) {
    return String.format(
        Locale.ROOT, "%-16s %8s %9s %9s %9s %9s %9s", name, count, mean, p50, p90, p99, max);
  }
}
