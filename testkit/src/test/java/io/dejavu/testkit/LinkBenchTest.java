package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.transport.LinkBench;
import java.util.List;
import org.junit.jupiter.api.Test;

/// That it measures; what, no test says.
final class LinkBenchTest {
  @Test
  void everyLinkIsMeasuredBesideThePlainProgram() throws Exception {
    List<LinkBench.Link> links = List.of(LinkBench.Link.values());

    LinkBench.Report report = new LinkBench(1, _ -> {}).run(links, List.of(256L << 10));

    assertThat(report.bandwidths()).extracting(LinkBench.Bandwidth::link).isEqualTo(links);
    assertThat(report.bandwidths()).allMatch(row -> row.bandwidth() > 0 && row.plain() > 0);
    assertThat(report.smalls()).allMatch(row -> row.messages() > 0);
    assertThat(report.crc32c()).isPositive();
    assertThat(report.lines()).hasSize(1 + 2 * links.size() + 1);
  }
}
