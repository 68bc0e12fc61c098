package dev.parley.cli;

import dev.parley.client.ChatBuilder;
import dev.parley.client.Conversation;
import dev.parley.client.ParleyClient;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley chat}: a conversation with a running server. */
@Command(
    name = "chat",
    description = "Talks to a served model: a line editor in a terminal, plain lines when piped.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ChatCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      converter = ServerAddress.class,
      defaultValue = "127.0.0.1:50051",
      description = "gRPC address (${DEFAULT-VALUE})")
  private String server = "";

  @Option(names = "--model", required = true, paramLabel = "NAME[@VERSION|@ALIAS]")
  private String model = "";

  @Option(
      names = "--mmi",
      paramLabel = "NAME[@VERSION|@ALIAS]",
      description = "backward model that ranks the candidates of --best-of")
  private @Nullable String mmi;

  @Option(names = "--candidates", description = "also shows the candidates and their scores")
  private boolean candidates;

  @Mixin private GenerationFlags generation = new GenerationFlags();

  @Option(names = "--json", description = "one JSON object a reply")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    try (ParleyClient client = Connection.open(server);
        Conversation conversation = open(client)) {
      new ChatSession(conversation, parley.output(json)).run(parley.streams().in());
    }
    return CommandLine.ExitCode.OK;
  }

  private Conversation open(ParleyClient client) {
    ChatBuilder chat =
        client.chat(model).generation(generation.options()).returnCandidates(candidates);
    if (mmi != null) {
      chat.mmiModel(mmi);
    }
    return chat.open();
  }
}
