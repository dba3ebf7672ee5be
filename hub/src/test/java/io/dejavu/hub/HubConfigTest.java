package io.dejavu.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class HubConfigTest {
  private static final Path USER = Path.of("/home/ann");

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "-, -, -, /home/ann/.cache/huggingface/hub",
        "-, -, /x, /x/huggingface/hub",
        "-, /hf, /x, /hf/hub",
        "/c, /hf, /x, /c",
        "-, ~/hf, -, /home/ann/hf/hub",
        "-, $XDG_CACHE_HOME/hf, /x, /x/hf/hub",
      })
  void theCacheLiesWherePythonHasIt(String cache, String home, String xdg, Path expected) {
    var environment = new HashMap<String, String>();
    environment.put("HF_HUB_CACHE", cache);
    environment.put("HF_HOME", home);
    environment.put("XDG_CACHE_HOME", xdg);
    environment.values().removeIf(value -> value == null);

    assertThat(HubConfig.of(environment, USER).cache()).isEqualTo(expected);
  }

  @Test
  void theTokenComesFromTheEnvironmentElseFromItsFile(@TempDir Path home) throws IOException {
    assertThat(HubConfig.of(Map.of("HF_HOME", home.toString()), USER).token()).isNull();
    Files.writeString(home.resolve("token"), "hf_file\n");
    Files.writeString(home.resolve("other"), "hf_other\n");

    assertThat(HubConfig.of(Map.of("HF_HOME", home.toString()), USER).token()).isEqualTo("hf_file");
    assertThat(
            HubConfig.of(Map.of("HF_TOKEN_PATH", home.resolve("other").toString()), USER).token())
        .isEqualTo("hf_other");
    var config = HubConfig.of(Map.of("HF_HOME", home.toString(), "HF_TOKEN", "hf_mine"), USER);
    assertThat(config.token()).isEqualTo("hf_mine");
    assertThat(config.toString()).doesNotContain("hf_mine");
  }

  @Test
  void aTokenThatWouldBreakAHeaderIsRefusedUnseen() {
    assertThatThrownBy(() -> HubConfig.of(Map.of("HF_TOKEN", "hf_a\r\nX: y"), USER))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("hf_a");
  }

  @Test
  void theEndpointAndOfflineAreNamed() {
    var config =
        HubConfig.of(Map.of("HF_ENDPOINT", "https://mirror.test/", "HF_HUB_OFFLINE", "yes"), USER);

    assertThat(config.endpoint()).isEqualTo(URI.create("https://mirror.test"));
    assertThat(config.offline()).isTrue();
    assertThat(HubConfig.of(Map.of("HF_HUB_OFFLINE", "0"), USER).offline()).isFalse();
    assertThatThrownBy(() -> HubConfig.of(Map.of("HF_ENDPOINT", "mirror"), USER))
        .hasMessageContaining("must start with https://");
  }

  @ParameterizedTest
  @CsvSource({
    "https://huggingface.co/x, true",
    "https://cdn.huggingface.co/x, true",
    "https://intern.corp/x, false",
    "https://a.intern.corp/x, false",
    "https://notintern.corp/x, true",
    "https://127.0.0.1:8443/x, false",
    "http://huggingface.co/x, false",
  })
  void proxiesAreThoseOfTheEnvironment(URI uri, boolean proxied) {
    var proxies =
        new EnvironmentProxies(
            Map.of(
                "HTTPS_PROXY",
                "http://ann:secret@proxy:3128",
                "no_proxy",
                ".intern.corp,127.0.0.1"));

    var found = proxies.select(uri).getFirst();

    assertThat(found.type() == Proxy.Type.DIRECT).isNotEqualTo(proxied);
    if (proxied) {
      assertThat(((InetSocketAddress) found.address()).getHostString()).isEqualTo("proxy");
      assertThat(((InetSocketAddress) found.address()).getPort()).isEqualTo(3128);
    }
    assertThat(proxies.hasPasswords()).isTrue();
  }

  @Test
  void aProxyThatIsNoneIsRefusedWithoutItsPassword() {
    assertThatThrownBy(() -> new EnvironmentProxies(Map.of("https_proxy", "socks5://a:secret@b:1")))
        .hasMessageContaining("https_proxy is not an address")
        .hasMessageNotContaining("secret");
  }
}
