package dev.parley.client;

import java.time.Duration;

/**
 * The server is about to stop: finish, and continue elsewhere.
 *
 * @param timeLeft until streams are cut
 * @param resumeHandle for {@link ChatBuilder#resume}: continues this conversation on any replica
 */
public record GoAway(Duration timeLeft, String resumeHandle) {}
