package dev.parley.client;

/**
 * A version that answers a share of its model's new conversations beside the default.
 *
 * @param share above 0 and at most 1
 */
public record Canary(int version, double share) {}
