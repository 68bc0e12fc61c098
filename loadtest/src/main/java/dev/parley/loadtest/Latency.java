package dev.parley.loadtest;

import org.HdrHistogram.Histogram;

/** A distribution of times, in milliseconds; all 0 without samples. */
public record Latency(long count, double mean, double p50, double p90, double p99, double max) {
  /** Of a histogram of microseconds. */
  static Latency of(Histogram histogram) {
    if (histogram.getTotalCount() == 0) {
      return new Latency(0, 0, 0, 0, 0, 0);
    }
    return new Latency(
        histogram.getTotalCount(),
        histogram.getMean() / 1000,
        histogram.getValueAtPercentile(50) / 1000.0,
        histogram.getValueAtPercentile(90) / 1000.0,
        histogram.getValueAtPercentile(99) / 1000.0,
        histogram.getMaxValue() / 1000.0);
  }
}
