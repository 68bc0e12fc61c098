package dev.parley.client;

import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.ListModelVersionsRequest;
import dev.parley.v1.ListModelVersionsResponse;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.ListModelsResponse;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.SetModelAliasRequest;
import io.grpc.Status;
import java.util.Comparator;
import java.util.stream.Stream;

/** The server's models and their versions. Made by {@link ParleyClient#models}; thread-safe. */
public final class ModelClient {
  private final ParleyClient client;

  ModelClient(ParleyClient client) {
    this.client = client;
  }

  /** All models; pages are fetched as the stream is read. */
  public Stream<Model> list() {
    return Pages.stream(
        token ->
            client.unary(
                () -> {
                  ListModelsResponse page =
                      timed()
                          .listModels(ListModelsRequest.newBuilder().setPageToken(token).build());
                  return new Pages.Page<>(
                      page.getModelsList().stream().map(Convert::model).toList(),
                      page.getNextPageToken());
                }));
  }

  /**
   * All versions of a model, newest first; pages are fetched as the stream is read.
   *
   * @throws ModelNotFoundException if there is no such model
   */
  public Stream<ModelVersion> versions(String name) {
    return Pages.stream(
        token ->
            client.unary(
                () -> {
                  ListModelVersionsResponse page =
                      timed()
                          .listModelVersions(
                              ListModelVersionsRequest.newBuilder()
                                  .setName(name)
                                  .setPageToken(token)
                                  .build());
                  return new Pages.Page<>(
                      page.getVersionsList().stream().map(Convert::modelVersion).toList(),
                      page.getNextPageToken());
                }));
  }

  /**
   * One version.
   *
   * @param reference {@code name}, {@code name@version} or {@code name@alias}
   * @throws ModelNotFoundException if there is none
   */
  public ModelVersion get(String reference) {
    return client.unary(
        () ->
            Convert.modelVersion(
                timed()
                    .getModelVersion(
                        GetModelVersionRequest.newBuilder().setModel(reference).build())
                    .getVersion()));
  }

  /** Lets an alias name a version. */
  public AliasChange setAlias(String name, String alias, int version) {
    return client.unary(
        () ->
            Convert.aliasChange(
                timed()
                    .setModelAlias(
                        SetModelAliasRequest.newBuilder()
                            .setName(name)
                            .setAlias(alias)
                            .setVersion(version)
                            .build()),
                alias));
  }

  /** Makes a version its model's default: new conversations use it, running ones keep theirs. */
  public AliasChange promote(String name, int version) {
    return setAlias(name, "default", version);
  }

  /**
   * Undoes a change of an alias.
   *
   * @throws IllegalArgumentException if the alias named nothing before
   */
  public AliasChange rollback(AliasChange change) {
    int previous =
        change
            .previousVersion()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Before, "
                            + change.model().name()
                            + "@"
                            + change.alias()
                            + " named no version that it could go back to"));
    return setAlias(change.model().name(), change.alias(), previous);
  }

  /**
   * Makes the newest version before the present default the default.
   *
   * @throws ConflictException if there is none
   */
  public AliasChange rollback(String name) {
    ModelVersion present = get(name);
    int previous =
        versions(name)
            .map(ModelVersion::version)
            .filter(version -> version < present.version())
            .max(Comparator.naturalOrder())
            .orElseThrow(
                () ->
                    Errors.local(
                        Status.Code.FAILED_PRECONDITION,
                        "NO_EARLIER_VERSION",
                        "There is no version of " + name + " before " + present.reference(),
                        null));
    return promote(name, previous);
  }

  /**
   * Deletes a version.
   *
   * @throws ConflictException while an alias or a conversation holds it
   */
  public void delete(String name, int version) {
    var unused =
        client.unary(
            () ->
                timed()
                    .deleteModelVersion(
                        DeleteModelVersionRequest.newBuilder()
                            .setName(name)
                            .setVersion(version)
                            .build()));
  }

  /** Every model as it stands, then each change. Close what is returned. */
  public ModelWatch watch() {
    ModelWatch watch =
        new ModelWatch(
            ModelServiceGrpc.newBlockingStub(client.channel()), client.backoff(), client::release);
    client.own(watch);
    return watch;
  }

  private ModelServiceGrpc.ModelServiceBlockingStub timed() {
    return client.timed(ModelServiceGrpc.newBlockingStub(client.channel()));
  }
}
