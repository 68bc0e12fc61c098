package dev.parley.client;

import java.time.Duration;

/**
 * How long a turn took on the server, from the arrival of its message.
 *
 * @param queued until its first step began
 * @param firstToken until its first token was chosen
 * @param total until its last
 */
public record Timings(Duration queued, Duration firstToken, Duration total) {}
