package dev.parley.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.hub.HubException.Kind;
import dev.parley.model.hub.HubStandIn.Fault;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads from a hub on this machine that answers as huggingface.co does. */
class HubTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  private static final String WEIGHTS = "pytorch_model.bin";

  @TempDir Path scratch;
  private HubStandIn server;
  private Map<String, byte[]> files;
  private HubFixture fixture;

  @BeforeEach
  void open() throws IOException {
    server = new HubStandIn("microsoft/DialoGPT-test");
    files = DialoGptFiles.legacy(scratch);
    server.publish("main", COMMIT, files);
    fixture = new HubFixture(server, scratch.resolve("cache"));
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void snapshot_dialoGptsFileSet_isAModelThatLoads() {
    HubSnapshot snapshot = fixture.snapshot();

    assertThat(snapshot.reference()).isEqualTo("microsoft/DialoGPT-test@" + COMMIT);
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Checkpoint.weights(snapshot.directory(), scope);
        Gpt2Weights golden =
            Gpt2Checkpoint.weights(Path.of("src/test/resources/golden/fp16"), scope);
        Tokenizer tokenizer = Tokenizer.load(snapshot.directory())) {
      assertThat(weights.arrays().get(0).toFloatArray())
          .isEqualTo(golden.arrays().get(0).toFloatArray());
      assertThat(tokenizer.vocabularySize()).isEqualTo(257);
    }
  }

  @Test
  void snapshot_cache_isLaidOutAsHuggingFaceDoes() throws IOException {
    Path directory = fixture.snapshot().directory();

    Path repository = scratch.resolve("cache/models--microsoft--DialoGPT-test");
    assertThat(directory).isEqualTo(repository.resolve("snapshots").resolve(COMMIT));
    assertThat(repository.resolve("refs/main")).hasContent(COMMIT);
    List<String> needed = List.of("config.json", "merges.txt", WEIGHTS, "vocab.json");
    assertThat(fixture.names(directory)).containsExactlyElementsOf(needed);
    for (String name : needed) {
      String blob = HubStandIn.etag(files.get(name));
      assertThat(Files.readSymbolicLink(directory.resolve(name)))
          .isEqualTo(Path.of("../../blobs", blob));
      assertThat(repository.resolve("blobs").resolve(blob)).hasBinaryContent(files.get(name));
      assertThat(scratch.resolve("cache/.locks/models--microsoft--DialoGPT-test/" + blob + ".lock"))
          .exists();
    }
    assertThat(fixture.names(repository.resolve(".no_exist").resolve(COMMIT)))
        .contains("tokenizer.json", "generation_config.json", "model.safetensors")
        .doesNotContain("README.md");
    assertThat(fixture.names(repository.resolve("blobs"))).hasSize(needed.size());
  }

  @Test
  void snapshot_token_goesToTheHubAndNowhereElse() {
    server.need("hf_secret");
    fixture.token("hf_secret").snapshot();

    List<String> requests = server.requests();
    assertThat(requests).filteredOn(r -> r.contains(" cdn ")).isNotEmpty();
    assertThat(requests)
        .allSatisfy(
            request ->
                assertThat(request.endsWith(" with token"))
                    .as(request)
                    .isEqualTo(request.contains(" hub ")));
  }

  @Test
  void snapshot_secondTime_asksOnlyWhatTheBranchMeans() {
    fixture.snapshot();
    server.requests();

    fixture.snapshot();
    assertThat(server.requests())
        .containsExactly("HEAD hub config.json", "HEAD hub config.json"); // and its redirect

    fixture.snapshot("microsoft/DialoGPT-test@" + COMMIT);
    assertThat(server.requests()).as("a commit never changes").isEmpty();
  }

  @Test
  void snapshot_branchMoved_downloadsWhatChanged() throws IOException {
    HubSnapshot before = fixture.snapshot();
    String next = COMMIT.replace('0', 'f');
    Map<String, byte[]> changed = new TreeMap<>(files);
    byte[] config = files.get("config.json");
    changed.put("config.json", Arrays.copyOf(config, config.length + 1));
    changed.get("config.json")[config.length] = '\n';
    server.publish("main", next, changed);
    server.requests();

    HubSnapshot after = fixture.snapshot();

    assertThat(after.reference()).endsWith("@" + next);
    assertThat(server.requests())
        .filteredOn(request -> request.startsWith("GET"))
        .containsOnly("GET hub config.json");
    assertThat(before.directory().resolve("config.json")).hasBinaryContent(config);
    assertThat(after.directory().resolve(WEIGHTS)).hasBinaryContent(files.get(WEIGHTS));
  }

  @Test
  void snapshot_revisions_areBranchesTagsAndPullRequests() {
    String other = COMMIT.replace('0', 'e');
    server.publish("refs/pr/7", other, files);

    HubSnapshot snapshot = fixture.snapshot("microsoft/DialoGPT-test@refs/pr/7");

    assertThat(snapshot.directory()).endsWith(Path.of(other));
    assertThat(scratch.resolve("cache/models--microsoft--DialoGPT-test/refs/refs/pr/7"))
        .hasContent(other);
  }

  @Test
  void snapshot_brokenConnections_goOnFromWhereTheyBroke() {
    int size = files.get(WEIGHTS).length;
    server.fail(WEIGHTS, Fault.BROKEN, Fault.EXPIRED, Fault.BROKEN, Fault.BUSY);

    Path directory = fixture.snapshot().directory();

    assertThat(directory.resolve(WEIGHTS)).hasBinaryContent(files.get(WEIGHTS));
    int half = size / 2;
    int threeQuarters = half + (size - half) / 2;
    assertThat(server.requests())
        .filteredOn(request -> request.startsWith("GET cdn"))
        .containsExactly(
            "GET cdn " + WEIGHTS,
            "GET cdn %s bytes=%d-".formatted(WEIGHTS, half),
            "GET cdn %s bytes=%d-".formatted(WEIGHTS, half),
            "GET cdn %s bytes=%d-".formatted(WEIGHTS, threeQuarters),
            "GET cdn %s bytes=%d-".formatted(WEIGHTS, threeQuarters));
    assertThat(fixture.notes()).hasSize(4).allMatch(note -> note.contains("going on from there"));
  }

  @Test
  void snapshot_givenUp_isResumedTheNextTime() {
    Fault[] broken = new Fault[HubSettings.ATTEMPTS];
    Arrays.fill(broken, Fault.BUSY);
    broken[0] = Fault.BROKEN;
    server.fail(WEIGHTS, broken);
    assertThatThrownBy(fixture::snapshot)
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNREACHABLE))
        .hasMessageContaining("DialoGPT-test")
        .hasMessageContaining("503");
    assertThat(scratch.resolve("cache/models--microsoft--DialoGPT-test/refs")).doesNotExist();
    server.requests();

    fixture.snapshot();

    int half = files.get(WEIGHTS).length / 2;
    assertThat(server.requests())
        .filteredOn(request -> request.startsWith("GET"))
        .containsExactly(
            "GET hub %s bytes=%d-".formatted(WEIGHTS, half),
            "GET cdn %s bytes=%d-".formatted(WEIGHTS, half));
  }

  @Test
  void snapshot_whatHuggingFacesToolsBegan_isGoneOnWith() throws IOException {
    byte[] weights = files.get(WEIGHTS);
    Path blobs =
        Files.createDirectories(scratch.resolve("cache/models--microsoft--DialoGPT-test/blobs"));
    Path theirs = blobs.resolve(HubStandIn.etag(weights) + ".incomplete");
    Files.write(theirs, Arrays.copyOf(weights, 1000));
    Files.setLastModifiedTime(theirs, FileTime.from(Instant.now().minusSeconds(600)));

    fixture.snapshot();

    assertThat(server.requests()).contains("GET cdn " + WEIGHTS + " bytes=1000-");
    assertThat(theirs).doesNotExist();
  }

  @Test
  void snapshot_whatHuggingFacesToolsAreWriting_isLeftAlone() throws IOException {
    byte[] weights = files.get(WEIGHTS);
    Path blobs =
        Files.createDirectories(scratch.resolve("cache/models--microsoft--DialoGPT-test/blobs"));
    Path theirs = blobs.resolve(HubStandIn.etag(weights) + ".incomplete");
    Files.write(theirs, Arrays.copyOf(weights, 1000));

    fixture.snapshot();

    assertThat(server.requests()).contains("GET cdn " + WEIGHTS);
    assertThat(theirs).hasSize(1000);
  }

  @Test
  void snapshot_serverWithoutRanges_beginsAgain() {
    server.fail(WEIGHTS, Fault.BROKEN, Fault.NO_RANGES);

    Path directory = fixture.snapshot().directory();

    assertThat(directory.resolve(WEIGHTS)).hasBinaryContent(files.get(WEIGHTS));
  }

  @Test
  void snapshot_stalledConnection_isLeftAndGoneOnWith() {
    server.fail(WEIGHTS, Fault.STALLED);

    Path directory = fixture.snapshot().directory();

    assertThat(directory.resolve(WEIGHTS)).hasBinaryContent(files.get(WEIGHTS));
    assertThat(fixture.notes()).anyMatch(note -> note.contains("nothing came for"));
  }

  @Test
  void snapshot_otherContentThanAnnounced_isRefusedAndNotKept() throws IOException {
    server.fail(WEIGHTS, Fault.CORRUPT);

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED))
        .hasMessageContaining(WEIGHTS)
        .hasMessageContaining(HubStandIn.sha256(files.get(WEIGHTS)));

    Path repository = scratch.resolve("cache/models--microsoft--DialoGPT-test");
    assertThat(fixture.names(repository.resolve("blobs")))
        .noneMatch(name -> name.startsWith(HubStandIn.sha256(files.get(WEIGHTS))));
    assertThat(repository.resolve("snapshots").resolve(COMMIT).resolve(WEIGHTS)).doesNotExist();
    fixture.snapshot(); // and the next time is right
  }

  @Test
  void snapshot_partThatIsDamaged_isDownloadedOnceMore() throws IOException {
    byte[] weights = files.get(WEIGHTS);
    Path blobs =
        Files.createDirectories(scratch.resolve("cache/models--microsoft--DialoGPT-test/blobs"));
    Path part = blobs.resolve(HubStandIn.etag(weights) + ".parley.incomplete");
    Files.write(part, new byte[5000]);

    Path directory = fixture.snapshot().directory();

    assertThat(directory.resolve(WEIGHTS)).hasBinaryContent(weights);
    assertThat(fixture.notes()).anyMatch(note -> note.contains("damaged; once more"));
    assertThat(part).doesNotExist();
  }

  @Test
  void snapshot_severalForms_takesSafetensorsAlone() throws IOException {
    server.publish("main", COMMIT, DialoGptFiles.everything(scratch));

    Path directory = fixture.snapshot().directory();

    assertThat(fixture.names(directory))
        .containsExactly(
            "config.json",
            "generation_config.json",
            "merges.txt",
            "model.safetensors",
            "vocab.json");
  }

  @Test
  void snapshot_shards_areAllDownloaded() throws IOException {
    server.publish("main", COMMIT, DialoGptFiles.sharded(scratch));

    Path directory = fixture.snapshot().directory();

    assertThat(fixture.names(directory)).hasSize(7);
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Checkpoint.weights(directory, scope)) {
      assertThat(weights.arrays()).isNotEmpty();
    }
    Files.delete(directory.resolve("model-00002-of-00003.safetensors"));
    server.requests();
    fixture.snapshot();
    assertThat(server.requests()).noneMatch(request -> request.startsWith("GET"));
    assertThat(directory.resolve("model-00002-of-00003.safetensors")).exists();
  }

  @Test
  void snapshot_modelOfAnotherKind_costsItsConfigurationOnly() {
    Map<String, byte[]> llama = new TreeMap<>(files);
    llama.put(
        "config.json",
        "{\"model_type\": \"llama\", \"vocab_size\": 32000}".getBytes(StandardCharsets.UTF_8));
    server.publish("main", COMMIT, llama);

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("llama");
    assertThat(server.requests()).allMatch(request -> request.endsWith("config.json"));
  }

  @Test
  void snapshot_withoutWeightsOrTokenizer_saysWhatItNeeds() {
    Map<String, byte[]> some = new TreeMap<>(files);
    some.remove(WEIGHTS);
    server.publish("main", COMMIT, some);
    assertThatThrownBy(fixture::snapshot)
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNUSABLE))
        .hasMessageContaining("has no weights that Parley reads: expected model.safetensors");

    some.remove("merges.txt");
    server.publish("main", COMMIT.replace('0', 'a'), some);
    assertThatThrownBy(fixture::snapshot)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("has no merges.txt, which it needs");
  }

  @Test
  void snapshot_noRoom_isSaidBeforeTheDownload() {
    server.lie(WEIGHTS, "X-Linked-Size", "900000000000000000");

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.STORAGE))
        .hasMessageContaining("needs 900,000,000,")
        .hasMessageContaining("has room for");
    assertThat(server.requests()).noneMatch(request -> request.startsWith("GET cdn"));
  }

  @Test
  void snapshot_headersThatLeadOutOfTheCache_areRefused() throws IOException {
    server.lie(WEIGHTS, "X-Linked-Etag", "\"../../../evil\"");

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("does not answer as a hub does");
    assertThat(fixture.names(scratch)).noneMatch(name -> name.contains("evil"));
  }

  @Test
  void snapshot_noLinksOnTheFileSystem_makesCopies() throws IOException {
    HubCache.Links none =
        (link, target) -> {
          throw new UnsupportedOperationException("no links");
        };

    Path directory = fixture.links(none).snapshot().directory();

    for (String name : List.of("config.json", "vocab.json", "merges.txt", WEIGHTS)) {
      assertThat(directory.resolve(name)).isRegularFile().hasBinaryContent(files.get(name));
      assertThat(Files.isSymbolicLink(directory.resolve(name))).isFalse();
    }
    assertThat(fixture.names(scratch.resolve("cache/models--microsoft--DialoGPT-test/blobs")))
        .as("the space is taken once")
        .isEmpty();
    server.requests();
    fixture.snapshot("microsoft/DialoGPT-test@" + COMMIT);
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void snapshot_listenerThrows_endsTheDownloadAndKeepsIt() {
    IllegalStateException cancelled = new IllegalStateException("cancelled");

    assertThatThrownBy(
            () ->
                fixture.snapshot(
                    progress -> {
                      if (progress.file().equals(WEIGHTS)) {
                        throw cancelled;
                      }
                    }))
        .isSameAs(cancelled);

    server.requests();
    fixture.snapshot();
    assertThat(server.requests())
        .filteredOn(request -> request.startsWith("GET"))
        .allMatch(request -> request.contains(WEIGHTS));
  }

  @Test
  void snapshot_progress_reachesItsTotal() {
    fixture.snapshot();

    HubListener.Progress last = fixture.progress().get(fixture.progress().size() - 1);
    assertThat(last.file()).isEqualTo(WEIGHTS);
    assertThat(last.downloadedBytes()).isEqualTo(last.totalBytes());
    assertThat(last.totalBytes())
        .isEqualTo(
            files.get(WEIGHTS).length
                + files.get("vocab.json").length
                + files.get("merges.txt").length);
    assertThat(fixture.progress())
        .allMatch(progress -> progress.reference().equals("microsoft/DialoGPT-test@" + COMMIT));
  }
}
