package io.dejavu.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AddressTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "tcp://127.0.0.1:8000",
        "tcp://host-1.example.com:0",
        "tcp://[::1]:65535",
        "unix:/run/dejavu/socket",
        "shm:/run/dejavu/a:b",
        "inprocess:worker 1"
      })
  void whatIsWrittenIsRead(String text) {
    assertThat(Address.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "host:80",
        "tcp:host:80",
        "tcp://host",
        "tcp://host:",
        "tcp://host:65536",
        "tcp://host:80/path",
        "tcp://:80",
        "unix:relative",
        "shm:",
        "http://host:80"
      })
  void whatIsNoAddressIsRefused(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Address.parse(text))
        .withMessageContaining(text);
  }
}
