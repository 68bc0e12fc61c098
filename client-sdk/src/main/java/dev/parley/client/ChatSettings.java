package dev.parley.client;

import dev.parley.v1.ChatSetup;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/** What a {@link ChatBuilder} was told, for the call. */
record ChatSettings(
    ChatSetup setup,
    Optional<Duration> deadline,
    Duration openTimeout,
    Optional<Duration> firstTokenTimeout,
    Optional<Duration> betweenTokensTimeout,
    Consumer<GoAway> onGoAway) {}
