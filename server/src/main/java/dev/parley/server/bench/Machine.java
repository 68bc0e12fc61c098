package dev.parley.server.bench;

import java.util.Map;

/**
 * What a machine was seen to do: the best of several tries each.
 *
 * @param bytesPerSecond read from memory, by whatever read fastest
 * @param readers bytes per second that each way of reading reached: a sum in fp32, and linear
 *     layers of one row in fp32, fp16, bf16 and int8
 * @param operationsPerSecond of linear layers of many rows, by the type of their arithmetic;
 *     multiplications and additions both count. Where there are kernels of Parley's own, int16 is
 *     what they reach, and fp16 and int8 if no other kernel reaches more
 */
public record Machine(
    double bytesPerSecond, Map<String, Double> readers, Map<String, Double> operationsPerSecond) {
  /** Keeps copies. */
  public Machine {
    readers = Map.copyOf(readers);
    operationsPerSecond = Map.copyOf(operationsPerSecond);
  }

  /** Arithmetic with weights of a type, 0 where that was not measured on this device. */
  public double operations(String type) {
    return operationsPerSecond.getOrDefault(type, 0.0);
  }
}
