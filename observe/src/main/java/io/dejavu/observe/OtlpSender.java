package io.dejavu.observe;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.common.export.HttpResponse;
import io.opentelemetry.sdk.common.export.HttpSender;
import io.opentelemetry.sdk.common.export.HttpSenderConfig;
import io.opentelemetry.sdk.common.export.MessageWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Posts OTLP messages with the JDK's HTTP client. A collector that cannot be reached or is busy is
/// tried again, later each time, as the protocol asks for.
final class OtlpSender implements HttpSender {
  /// Specification of OTLP/HTTP: worth another try.
  private static final Set<Integer> BUSY = Set.of(429, 502, 503, 504);

  private static final int TRIES = 4;
  private static final long FIRST_WAIT_MILLIS = 500;

  private final HttpSenderConfig config;
  private final HttpClient client;

  OtlpSender(HttpSenderConfig config) {
    this.config = config;
    var builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(config.getConnectTimeout());
    if (config.getSslContext() != null) {
      builder.sslContext(config.getSslContext());
    }
    this.client = builder.build();
  }

  private record Answer(int status, byte[] body) implements HttpResponse {
    @Override
    public int getStatusCode() {
      return status;
    }

    @Override
    public String getStatusMessage() {
      return "HTTP " + status;
    }

    @Override
    public byte @Nullable [] getResponseBody() {
      return body;
    }
  }

  @Override
  public void send(
      MessageWriter message, Consumer<HttpResponse> onResponse, Consumer<Throwable> onError) {
    HttpRequest request;
    try {
      request = request(message);
    } catch (IOException e) {
      onError.accept(e);
      return;
    }
    var _ =
        post(request, 1)
            .whenComplete(
                (answer, problem) -> {
                  if (problem == null) {
                    onResponse.accept(answer);
                  } else {
                    onError.accept(
                        problem instanceof CompletionException && problem.getCause() != null
                            ? problem.getCause()
                            : problem);
                  }
                });
  }

  private HttpRequest request(MessageWriter message) throws IOException {
    var bytes = new ByteArrayOutputStream(Math.max(32, message.getContentLength()));
    var compressor = config.getCompressor();
    var builder =
        HttpRequest.newBuilder(config.getEndpoint())
            .timeout(config.getTimeout())
            .header("Content-Type", config.getContentType());
    if (compressor == null) {
      message.writeMessage(bytes);
    } else {
      builder.header("Content-Encoding", compressor.getEncoding());
      try (var out = compressor.compress(bytes)) {
        message.writeMessage(out);
      }
    }
    var headers = config.getHeadersSupplier().get();
    if (headers != null) {
      headers.forEach((name, values) -> values.forEach(value -> builder.header(name, value)));
    }
    return builder.POST(HttpRequest.BodyPublishers.ofByteArray(bytes.toByteArray())).build();
  }

  @SuppressWarnings("FutureReturnValueIgnored") // nested futures are joined into one at the end
  private CompletableFuture<HttpResponse> post(HttpRequest request, int attempt) {
    return client
        .sendAsync(request, BodyHandlers.ofByteArray())
        .<HttpResponse>thenApply(answer -> new Answer(answer.statusCode(), answer.body()))
        .handle(
            (answer, problem) -> {
              boolean again = problem == null ? BUSY.contains(answer.getStatusCode()) : true;
              if (again && attempt < TRIES) {
                return CompletableFuture.supplyAsync(
                        () -> post(request, attempt + 1), waiting(attempt))
                    .thenCompose(next -> next);
              }
              return problem == null
                  ? CompletableFuture.completedFuture(answer)
                  : CompletableFuture.<HttpResponse>failedFuture(problem);
            })
        .thenCompose(answer -> answer);
  }

  private static Executor waiting(int attempt) {
    return CompletableFuture.delayedExecutor(
        FIRST_WAIT_MILLIS << (attempt - 1), TimeUnit.MILLISECONDS);
  }

  @Override
  public CompletableResultCode shutdown() {
    client.shutdownNow();
    return CompletableResultCode.ofSuccess();
  }
}
