package dev.parley.server.chat;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.DiscardUnknownFieldsParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.UserMessage;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;

/**
 * Requests as bytes. The server takes messages of 64 MiB for the sake of training data; of that
 * size, a chat request could hold millions of turns, which would fill the heap before anyone looked
 * at them. So it is measured before it is parsed, and what cannot be read becomes a request that
 * the stream answers in words: gRPC itself would end the call without any.
 */
final class ChatRequests implements MethodDescriptor.Marshaller<ChatRequest> {
  /** As chat.proto says: many times what the largest context holds. */
  private static final int MOST_BYTES = 4 << 20;

  /** What this version does not know is not kept. */
  private static final Parser<ChatRequest> PARSER =
      DiscardUnknownFieldsParser.wrap(ChatRequest.parser());

  /** Stand for what came; compared by identity. */
  private static final ChatRequest TOO_LARGE = standIn();

  private static final ChatRequest MALFORMED = standIn();

  private ChatRequests() {}

  private static ChatRequest standIn() {
    return ChatRequest.newBuilder().setMessage(UserMessage.getDefaultInstance()).build();
  }

  /** A service whose requests are read so. */
  static ServerServiceDefinition limit(ServerServiceDefinition service) {
    MethodDescriptor<ChatRequest, ChatResponse> method = ChatServiceGrpc.getChatMethod();
    MethodDescriptor<ChatRequest, ChatResponse> limited =
        method.toBuilder(new ChatRequests(), method.getResponseMarshaller()).build();
    @SuppressWarnings("unchecked") // the generated service has this method with these types
    ServerMethodDefinition<ChatRequest, ChatResponse> generated =
        (ServerMethodDefinition<ChatRequest, ChatResponse>)
            service.getMethod(method.getFullMethodName());
    ServiceDescriptor descriptor =
        ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
            .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor())
            .addMethod(limited)
            .build();
    return ServerServiceDefinition.builder(descriptor)
        .addMethod(limited, generated.getServerCallHandler())
        .build();
  }

  /**
   * Throws where a request could not be read.
   *
   * @throws RpcException INVALID_ARGUMENT
   */
  @SuppressWarnings("ReferenceEquality") // two objects stand for what could not be read
  static void requireRead(ChatRequest request) {
    if (request == TOO_LARGE) {
      throw RpcException.invalid(
          "request",
          "is larger than %,d bytes, which is the limit; no context holds that much"
              .formatted(MOST_BYTES));
    }
    if (request == MALFORMED) {
      throw RpcException.invalid("request", "is not a parley.v1.ChatRequest");
    }
  }

  @Override
  public ChatRequest parse(InputStream stream) {
    CodedInputStream input = CodedInputStream.newInstance(stream);
    input.setSizeLimit(MOST_BYTES); // what is compressed tells its size only as it is read
    try {
      return stream.available() > MOST_BYTES ? TOO_LARGE : PARSER.parseFrom(input);
    } catch (InvalidProtocolBufferException e) {
      return input.getTotalBytesRead() >= MOST_BYTES ? TOO_LARGE : MALFORMED;
    } catch (IOException e) {
      throw Status.INTERNAL
          .withDescription("a request cannot be read")
          .withCause(e)
          .asRuntimeException();
    }
  }

  @Override
  public InputStream stream(ChatRequest request) {
    return ChatServiceGrpc.getChatMethod().streamRequest(request);
  }
}
