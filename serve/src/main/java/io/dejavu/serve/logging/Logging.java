package io.dejavu.serve.logging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How the process logs: one line per event, on stderr, as [LogFormat] says. Configured in Java,
/// because reading XML would cost a tenth of a second at every start.
@SuppressWarnings("exports") // public for the service loader only
public final class Logging extends ContextAwareBase implements Configurator {
  private static final String OURS = "io.dejavu";
  private static final String CONSOLE = "console";

  /// For the service loader.
  public Logging() {}

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    var console = new ConsoleAppender<ILoggingEvent>();
    console.setName(CONSOLE);
    console.setContext(context);
    console.setTarget("System.err");
    console.setEncoder(encoder(context));
    console.start();
    var root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.WARN);
    root.addAppender(console);
    context.getLogger(OURS).setLevel(Level.toLevel(LogLevel.name()));
    // Says that there is no CUDA, which the tokenizer does not need.
    context.getLogger("ai.djl").setLevel(Level.ERROR);
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /// Makes what a command has chosen hold where logging has begun before: `System.getLogger` begins
  /// it, and many classes have a logger of their own.
  static void apply() {
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger(OURS).setLevel(Level.toLevel(LogLevel.name()));
    var console = context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender(CONSOLE);
    if (LogFormat.chosen() == LogFormat.JSON
        && console instanceof ConsoleAppender<ILoggingEvent> present
        && !(present.getEncoder() instanceof JsonLines)) {
      present.setEncoder(encoder(context));
    }
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context) {
    var encoder =
        switch (LogFormat.chosen()) {
          case TEXT -> text();
          case JSON -> new JsonLines();
        };
    encoder.setContext(context);
    encoder.start();
    return encoder;
  }

  private static Encoder<ILoggingEvent> text() {
    var encoder = new PatternLayoutEncoder();
    encoder.setCharset(StandardCharsets.UTF_8);
    encoder.setPattern("%d{HH:mm:ss.SSS} %-5level %logger{0}: %msg%n");
    return encoder;
  }
}
