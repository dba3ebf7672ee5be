import org.jspecify.annotations.NullMarked;

/// Wiring, threads, processes and the command line. The only module that knows all the others.
@NullMarked
module io.dejavu.serve {
  requires static transitive org.jspecify;
  requires io.dejavu.api;
  requires io.dejavu.backend.cpu;
  requires io.dejavu.hub;
  requires io.dejavu.keeper;
  requires io.dejavu.observe;
  requires transitive io.dejavu.local;
  requires transitive io.dejavu.engine;
  requires transitive io.dejavu.kv;
  requires transitive io.dejavu.model;
  requires transitive io.dejavu.tensor;
  requires io.dejavu.template;
  requires io.dejavu.transport;
  requires io.dejavu.workload;
  requires info.picocli;
  requires ch.qos.logback.classic;
  requires ch.qos.logback.core;
  requires org.slf4j;
  requires java.management;
  requires me.tongfei.progressbar;
  requires static java.net.http; // the client of the tests
  requires tools.jackson.databind;
  requires tools.jackson.dataformat.yaml;
  requires tools.jackson.core;

  opens io.dejavu.serve to
      info.picocli;
  opens io.dejavu.serve.bench to
      info.picocli;
  opens io.dejavu.serve.bench.kv to
      info.picocli;
  opens io.dejavu.serve.bench.kv.survive to
      info.picocli;
  opens io.dejavu.serve.cli to
      info.picocli;

  provides ch.qos.logback.classic.spi.Configurator with
      io.dejavu.serve.logging.Logging;
}
