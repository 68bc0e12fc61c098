package dev.parley.client;

import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.EndModelCanaryRequest;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.ListModelVersionsRequest;
import dev.parley.v1.ListModelVersionsResponse;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.ListModelsResponse;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.RollbackModelRequest;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelCanaryRequest;
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
   * Makes default again what it was before, and ends the canary. A second rollback goes a step
   * further back.
   *
   * @throws ConflictException if there is nothing to go back to
   * @throws ModelNotFoundException if there is no such model
   */
  public Rollback rollback(String name) {
    return rollback(RollbackModelRequest.newBuilder().setName(name).build());
  }

  /**
   * As {@link #rollback(String)}, but only from one version: repeated, it goes back once.
   *
   * @throws ConflictException if the default is another version, too
   */
  public Rollback rollback(String name, int fromVersion) {
    return rollback(
        RollbackModelRequest.newBuilder().setName(name).setExpectedVersion(fromVersion).build());
  }

  private Rollback rollback(RollbackModelRequest request) {
    return client.unary(() -> Convert.rollback(timed().rollbackModel(request)));
  }

  /**
   * Lets a version answer a share of the new conversations that name the model alone, instead of
   * the canary that there may be. Conversations keep the version that they began with; where the
   * canary cannot answer, the default does.
   *
   * @param share above 0 and at most 1
   * @return the model as it stands now
   * @throws ConflictException if the version is the default, or a backward model
   * @throws ModelNotFoundException if there is no such version
   */
  public Model setCanary(String name, int version, double share) {
    return client.unary(
        () ->
            Convert.model(
                timed()
                    .setModelCanary(
                        SetModelCanaryRequest.newBuilder()
                            .setName(name)
                            .setCanary(
                                dev.parley.v1.Canary.newBuilder()
                                    .setVersion(version)
                                    .setShare(share))
                            .build())
                    .getModel()));
  }

  /**
   * Ends a model's canary, if it has one: the default gets all new conversations.
   *
   * @return the model as it stands now
   */
  public Model endCanary(String name) {
    return client.unary(
        () ->
            Convert.model(
                timed()
                    .endModelCanary(EndModelCanaryRequest.newBuilder().setName(name).build())
                    .getModel()));
  }

  /**
   * Deletes a version.
   *
   * @throws ConflictException while an alias, a canary or a conversation holds it
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
