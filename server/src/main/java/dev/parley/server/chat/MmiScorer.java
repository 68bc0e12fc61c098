package dev.parley.server.chat;

import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.text.BackwardOrder;
import dev.parley.server.engine.CandidateScorer;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.ServedModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Judges candidates by a backward model: log P(source | candidate), see {@link BackwardOrder}. The
 * backward model's engine reads them, in a batch, while the forward one goes on.
 */
final class MmiScorer implements CandidateScorer {
  private static final Logger log = LoggerFactory.getLogger(MmiScorer.class);
  private final ChatEngine backward;
  private final ServedModel model;

  /**
   * A judge.
   *
   * @param backward the engine of the backward model, which is held
   */
  MmiScorer(ChatEngine backward, ServedModel model) {
    this.backward = backward;
    this.model = model;
  }

  @Override
  public void score(int[] prompt, List<int[]> replies, Verdict verdict) {
    BackwardOrder order =
        BackwardOrder.of(
            prompt, replies, backward.config().endOfText(), backward.config().contextLength());
    List<Gpt2Decoder.Scored> sequences = new ArrayList<>();
    for (int i = 0; i < replies.size(); i++) {
      sequences.add(new Gpt2Decoder.Scored(order.sequences().get(i), order.from().get(i)));
    }
    var unused =
        backward
            .score(sequences)
            .whenComplete(
                (scores, error) -> {
                  if (error != null) {
                    verdict.failed(failed(error));
                  } else if (Arrays.stream(scores).allMatch(Double::isFinite)) {
                    verdict.scored(scores);
                  } else {
                    verdict.failed(failed(new ArithmeticException("a score is not finite")));
                  }
                });
  }

  private RpcException failed(Throwable cause) {
    log.warn("{}@{} cannot rank candidates", model.getName(), model.getVersion(), cause);
    return RpcException.of(
        Code.INTERNAL,
        "RANKING_FAILED",
        "the candidates could not be ranked by %s@%d (%s); send the message with best_of 1, or again"
            .formatted(model.getName(), model.getVersion(), cause.getMessage()),
        Map.of("model", "%s@%d".formatted(model.getName(), model.getVersion())));
  }
}
