package dev.parley.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.hub.HubException.Kind;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a hub says no to, and what is said to the user. */
class HubRefusalTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path scratch;
  private HubStandIn server;
  private HubFixture fixture;

  @BeforeEach
  void open() throws IOException {
    server = new HubStandIn("microsoft/DialoGPT-test");
    server.publish("main", COMMIT, DialoGptFiles.legacy(scratch));
    fixture = new HubFixture(server, scratch.resolve("cache"));
  }

  @AfterEach
  void close() {
    server.close();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          401, RepoNotFound,     NOT_FOUND,   it may be mistyped
          401, RepoNotFound,     NOT_FOUND,   nor is there a directory of that name
          401, '',               DENIED,      needs a token: set HF_TOKEN
          403, GatedRepo,        DENIED,      accept its conditions at
          401, GatedRepo,        DENIED,      accept its conditions at
          404, RevisionNotFound, NOT_FOUND,   has no revision 'main'
          404, EntryNotFound,    NOT_FOUND,   has no config.json
          404, '',               NOT_FOUND,   has no config.json
          503, '',               UNREACHABLE, 127.0.0.1 answers 503
          429, '',               UNREACHABLE, 127.0.0.1 answers 429
          407, '',               UNREACHABLE, wants a password (407)
          418, '',               UNREACHABLE, which no hub says
          """)
  void snapshot_refused_saysWhyAndWhatToDo(int status, String code, Kind kind, String message) {
    server.refuse(status, code);

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOfSatisfying(HubException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining("DialoGPT-test")
        .hasMessageContaining(message);
    assertThat(scratch.resolve("cache")).doesNotExist();
  }

  @Test
  void snapshot_busyForAMoment_isAskedAgain() {
    server.refuse(503, "");
    HubFixture patient = new HubFixture(server, scratch.resolve("cache"));

    assertThatThrownBy(patient::snapshot).isInstanceOf(HubException.class);

    assertThat(server.requests()).hasSize(HubSettings.ATTEMPTS);
  }

  @Test
  void snapshot_refusedLater_usesWhatIsHereAndSaysSo() {
    Path directory = fixture.snapshot().directory();
    server.refuse(403, "GatedRepo");

    assertThat(fixture.snapshot().directory()).isEqualTo(directory);
    assertThat(fixture.notes()).anyMatch(note -> note.contains("using what is here"));
  }

  @Test
  void snapshot_wrongToken_isNotToldToAnyone() {
    server.need("hf_right");

    assertThatThrownBy(() -> fixture.token("hf_wrong").snapshot())
        .isInstanceOf(HubException.class)
        .hasMessageContaining("not open to this token")
        .hasMessageNotContaining("hf_wrong");
  }

  @Test
  void snapshot_nobodyAnswers_usesWhatIsHereAndSaysSo() {
    Path directory = fixture.snapshot().directory();
    server.close();

    assertThat(fixture.snapshot().directory()).isEqualTo(directory);
    assertThat(fixture.notes())
        .singleElement()
        .asString()
        .contains("no connection", "using what is here, microsoft/DialoGPT-test@" + COMMIT);
  }

  @Test
  void snapshot_nobodyAnswersAndNothingIsHere_saysWhatToLookAt() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Hub hub = new Hub(HubFixture.settings("http://127.0.0.1:" + port, scratch.resolve("cache")));

    assertThatThrownBy(() -> hub.snapshot(HubId.parse("a/b").orElseThrow(), HubListener.NONE))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNREACHABLE))
        .hasMessageContaining("a/b cannot be downloaded from 127.0.0.1")
        .hasMessageContaining("HTTPS_PROXY")
        .hasMessageContaining("a directory, needs no network");
  }

  @Test
  void snapshot_offline_usesWhatIsHereAndAsksNobody() {
    Path directory = fixture.snapshot().directory();
    server.requests();

    assertThat(fixture.offline().snapshot().directory()).isEqualTo(directory);
    fixture.hub().check(HubId.parse("microsoft/DialoGPT-test").orElseThrow());

    assertThat(server.requests()).isEmpty();
  }

  @Test
  void snapshot_offlineAndNothingIsHere_saysSo() {
    fixture.offline();
    HubId id = HubId.parse("microsoft/DialoGPT-test").orElseThrow();

    assertThatThrownBy(fixture::snapshot)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("HF_HUB_OFFLINE")
        .hasMessageContaining(scratch.resolve("cache").toString());
    assertThatThrownBy(() -> fixture.hub().check(id)).isInstanceOf(HubException.class);
    assertThat(server.requests()).isEmpty();
  }
}
