package dev.parley.model.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A hub's client with short times, and what its listener has heard. */
final class HubFixture {
  private final HubStandIn server;
  private final List<HubListener.Progress> progress = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private HubSettings settings;
  private HubCache.Links links = HubCache.Links.SYMBOLIC;

  HubFixture(HubStandIn server, Path cache) {
    this.server = server;
    this.settings = settings(server.endpoint(), cache);
  }

  static HubSettings settings(String endpoint, Path cache) {
    HubSettings base =
        HubSettings.of(
            Map.of("HF_ENDPOINT", endpoint, "HF_HUB_CACHE", cache.toString()), Path.of("/none"));
    return new HubSettings(
        base.endpoint(),
        base.token(),
        base.cache(),
        false,
        base.proxies(),
        Duration.ofSeconds(20),
        Duration.ofMillis(400), // far above what this machine needs for a piece of a file
        Duration.ofMillis(1));
  }

  HubFixture token(String token) {
    settings =
        new HubSettings(
            settings.endpoint(),
            Optional.of(token),
            settings.cache(),
            settings.offline(),
            settings.proxies(),
            settings.answerTime(),
            settings.stallTime(),
            settings.firstPause());
    return this;
  }

  HubFixture offline() {
    settings =
        new HubSettings(
            settings.endpoint(),
            settings.token(),
            settings.cache(),
            true,
            settings.proxies(),
            settings.answerTime(),
            settings.stallTime(),
            settings.firstPause());
    return this;
  }

  HubFixture links(HubCache.Links links) {
    this.links = links;
    return this;
  }

  Hub hub() {
    return new Hub(settings, links);
  }

  HubSnapshot snapshot() {
    return snapshot(server.repository);
  }

  HubSnapshot snapshot(String id) {
    return hub()
        .snapshot(
            HubId.parse(id).orElseThrow(),
            new HubListener() {
              @Override
              public void progress(Progress now) {
                progress.add(now);
              }

              @Override
              public void note(String message) {
                notes.add(message);
              }
            });
  }

  HubSnapshot snapshot(HubListener listener) {
    return hub().snapshot(HubId.parse(server.repository).orElseThrow(), listener);
  }

  List<HubListener.Progress> progress() {
    return progress;
  }

  List<String> notes() {
    return notes;
  }

  List<String> names(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }
}
